#include "agent_host/posix.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "agent_api/agent_errc.h"
#include "agent_host/accounts.h"
#include "agent_host/agent_error.h"
#include "agent_host/ports.h"
#include "agent_host/process.h"
#include "agent_host/state_dir.h"

namespace zk::agent_host {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Posix : public testing::Test {
  protected:
    Posix() {
        char name[] = "/tmp/zk-posix-XXXXXX";
        dir_ = ::mkdtemp(name);
    }
    ~Posix() override { (void)run_command({"rm", "-r", dir_}, seconds(10)); }
    std::string dir_;
};

TEST_F(Posix, ReplacedFileHasContentAndMode) {
    const std::string path = dir_ + "/a";
    FileOptions options;
    options.mode = 0640;
    ASSERT_TRUE(replace_file(path, "one", options).has_value());
    ASSERT_TRUE(replace_file(path, "two", options).has_value());
    EXPECT_EQ(*read_file(path), "two");
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0640u);
    EXPECT_FALSE(exists(path + ".zkprov-new"));
    EXPECT_FALSE(read_file(path, 2).has_value());
}

TEST_F(Posix, ErrorsSayWhatTheyAre) {
    const auto missing = read_file(dir_ + "/none");
    ASSERT_FALSE(missing.has_value());
    EXPECT_TRUE(is_not_found(missing.error()));
    EXPECT_EQ(to_agent_error(missing.error()).code, agent_api::AgentErrc::failed);

    errno = ENOSPC;
    const Error full = system_error("write /x");
    EXPECT_TRUE(is_no_room(full));
    EXPECT_EQ(to_agent_error(full).code, agent_api::AgentErrc::disk_full);

    const agent_api::AgentError taken{agent_api::AgentErrc::port_taken, "words"};
    EXPECT_EQ(to_agent_error(agent_api::from_agent_error(taken)), taken);
    // `failed` is the first of them: its code must not read as "no error".
    const agent_api::AgentError failed{agent_api::AgentErrc::failed, "words"};
    EXPECT_TRUE(agent_api::from_agent_error(failed).code.failed());
    EXPECT_EQ(to_agent_error(agent_api::from_agent_error(failed)), failed);
}

/// What another user may have put where the agent writes or reads as root.
TEST_F(Posix, StrangersInTheWayAreReplacedAndNotFollowed) {
    const std::string victim = dir_ + "/victim";
    ASSERT_TRUE(replace_file(victim, "precious", FileOptions()).has_value());
    const std::string aside = dir_ + "/a.zkprov-new";
    FileOptions options;
    options.mode = 0644;

    ASSERT_EQ(::link(victim.c_str(), aside.c_str()), 0);
    ASSERT_TRUE(replace_file(dir_ + "/a", "new", options).has_value());
    ASSERT_EQ(::symlink(victim.c_str(), aside.c_str()), 0);
    ASSERT_TRUE(replace_file(dir_ + "/a", "new", options).has_value());
    ASSERT_EQ(::mkfifo(aside.c_str(), 0666), 0);  // opening it to write would wait for a reader
    ASSERT_TRUE(replace_file(dir_ + "/a", "new", options).has_value());
    EXPECT_EQ(*read_file(dir_ + "/a"), "new");
    EXPECT_EQ(*read_file(victim), "precious");
    struct stat status {};
    ASSERT_EQ(::stat(victim.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600u);

    ASSERT_EQ(::mkfifo((dir_ + "/pipe").c_str(), 0666), 0);
    EXPECT_FALSE(read_file(dir_ + "/pipe").has_value());
    EXPECT_FALSE(sha256_of_file(dir_ + "/pipe").has_value());
    EXPECT_FALSE(read_file("/dev/zero").has_value());
    EXPECT_FALSE(read_file(dir_).has_value());
}

TEST_F(Posix, LinkToADirectoryIsFollowedOnlyWhenTrusted) {
    const std::string real = dir_ + "/real";
    const std::string link = dir_ + "/link";
    ASSERT_EQ(::mkdir(real.c_str(), 0700), 0);
    ASSERT_EQ(::symlink(real.c_str(), link.c_str()), 0);
    ASSERT_TRUE(set_directory(link, 0750, std::nullopt, std::nullopt).has_value());
    struct stat status {};
    ASSERT_EQ(::stat(real.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0750u);
    if (::geteuid() == 0) {
        ASSERT_EQ(::lchown(link.c_str(), 4711, 4711), 0);
        EXPECT_FALSE(set_directory(link, 0777, std::nullopt, std::nullopt).has_value());
        ASSERT_EQ(::stat(real.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 07777, 0750u);
    }
    EXPECT_FALSE(set_directory(dir_ + "/none", 0750, std::nullopt, std::nullopt).has_value());
}

TEST_F(Posix, TailIsTheEnd) {
    ASSERT_TRUE(replace_file(dir_ + "/log", "one\ntwo\n", FileOptions()).has_value());
    EXPECT_EQ(*read_tail(dir_ + "/log", 4), "two\n");
    EXPECT_EQ(*read_tail(dir_ + "/log", 100), "one\ntwo\n");
    EXPECT_FALSE(read_tail(dir_ + "/none", 4).has_value());
}

TEST_F(Posix, MadeDirectoriesAreListedOutermostFirst) {
    std::vector<std::string> made;
    ASSERT_TRUE(make_directories(dir_ + "/a/b/c", 0700, made).has_value());
    EXPECT_EQ(made, (std::vector<std::string>{dir_ + "/a", dir_ + "/a/b", dir_ + "/a/b/c"}));
    ASSERT_TRUE(make_directories(dir_ + "/a/b/c", 0700, made).has_value());
    EXPECT_EQ(made.size(), 3u);
    ASSERT_TRUE(replace_file(dir_ + "/file", "", FileOptions()).has_value());
    EXPECT_FALSE(make_directories(dir_ + "/file/x", 0700, made).has_value());
}

TEST_F(Posix, CommandsHaveOutputStatusAndDeadline) {
    const auto good = run_command({"sh", "-c", "echo out; echo err >&2; exit 3"}, seconds(10));
    ASSERT_TRUE(good.has_value());
    EXPECT_EQ(good->exit_status, 3);
    EXPECT_EQ(good->output, "out\nerr\n");
    EXPECT_FALSE(run_checked({"sh", "-c", "exit 1"}).has_value());
    const auto absent = run_command({"/no/such/program"}, seconds(10));
    EXPECT_EQ(absent->exit_status, 127);
    EXPECT_EQ(absent->output, "No such file or directory");
    const auto late = run_command({"sleep", "60"}, milliseconds(50));
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().code, make_error_code(Errc::timeout));
    const auto mute = run_command({"sh", "-c", "exec >&- 2>&-; exec sleep 60"}, milliseconds(200));
    ASSERT_FALSE(mute.has_value());
    EXPECT_EQ(mute.error().code, make_error_code(Errc::timeout));
}

TEST_F(Posix, AccountsByFile) {
    EXPECT_EQ(user_id("root"), 0u);
    EXPECT_FALSE(user_id("nobody-has-this-name"));
    EXPECT_EQ(owner_name(0, 0), "root:root");
    EXPECT_EQ(owner_name(4000000, 4000001), "4000000:4000001");
    EXPECT_EQ(resolve_owner("root")->gid, 0u);
    EXPECT_FALSE(resolve_owner("")->uid);
    EXPECT_FALSE(resolve_owner("root:nobody-has-this-name").has_value());
}

TEST_F(Posix, DetachedProcessIsKnownAndEnded) {
    auto started = start_detached(
        {"/bin/sh", "-c", "echo said; trap '' TERM; while :; do sleep 0.05; done"}, dir_ + "/out");
    ASSERT_TRUE(started.has_value());
    EXPECT_TRUE(is_alive(*started));
    EXPECT_EQ(program_sha256(started->pid).size(), 64u);
    ASSERT_TRUE(write_pid_file(dir_ + "/pid", *started).has_value());
    EXPECT_EQ(read_pid_file(dir_ + "/pid"), *started);
    ProcessId other = *started;
    other.start_ticks += 1;
    EXPECT_FALSE(is_alive(other));
    // It ignores SIGTERM (give it time to say so), so it is killed.
    for (int i = 0; i < 500 && !(read_file(dir_ + "/out").has_value() &&
                                 *read_file(dir_ + "/out") == "said\n");
         ++i) {
        std::this_thread::sleep_for(milliseconds(10));
    }
    std::this_thread::sleep_for(milliseconds(100));
    ASSERT_TRUE(end_process(*started, milliseconds(200)).has_value());
    EXPECT_FALSE(is_alive(*started));
    EXPECT_TRUE(end_process(*started, milliseconds(200)).has_value());
}

TEST_F(Posix, ListenerIsFoundWithItsOwner) {
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(socket.get(), 1), 0);
    ASSERT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    const auto found = listeners_on({ntohs(address.sin_port)});
    ASSERT_TRUE(found.has_value());
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ(found->front().address, "127.0.0.1");
    EXPECT_EQ(found->front().pid, ::getpid());
    EXPECT_TRUE(is_in_the_way(found->front(), "127.0.0.1", false));
    EXPECT_FALSE(is_in_the_way(found->front(), "127.0.0.2", false));
    EXPECT_TRUE(is_in_the_way(found->front(), "127.0.0.2", true));
}

TEST_F(Posix, StateDirKeepsWhatItIsGiven) {
    const StateDir state(dir_ + "/deep/state");
    ASSERT_TRUE(state.prepare().has_value());
    EXPECT_FALSE(*state.load_identity());
    EXPECT_FALSE(*state.load_spec());
    EXPECT_EQ(state.spec_stamp(), 0);
    EXPECT_EQ(state.load_desired(), Desired::stop);
    agent_api::RecordedIdentity identity;
    identity.cluster = "demo";
    ASSERT_TRUE(state.save_identity(identity).has_value());
    EXPECT_EQ(*state.load_identity(), identity);
    agent_api::NodeSpec spec;
    spec.cluster = "demo";
    ASSERT_TRUE(state.save_spec(spec).has_value());
    EXPECT_EQ(*state.load_spec(), spec);
    const auto stamp = state.spec_stamp();
    ASSERT_TRUE(state.save_spec(spec).has_value());
    EXPECT_NE(state.spec_stamp(), stamp);
    // A damaged record is not the same as none.
    for (const char* name : {"identity.json", "spec.json"}) {
        ASSERT_TRUE(replace_file(state.file(name), "{\"sid\":", FileOptions()).has_value());
    }
    EXPECT_FALSE(state.load_identity().has_value());
    EXPECT_FALSE(state.load_spec().has_value());
    ASSERT_TRUE(state.save_desired(Desired::run).has_value());
    EXPECT_EQ(state.load_desired(), Desired::run);
    const auto lock = state.lock();
    ASSERT_TRUE(lock.has_value());
    const auto second = state.lock();
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(to_agent_error(second.error()).code, agent_api::AgentErrc::busy);
}

}  // namespace
}  // namespace zk::agent_host
