#include "child/child.h"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/wait.h>

namespace zk::child {
namespace {

struct Ended {
    int status = 0;
    std::string output;
};

/// Runs `script` in sh, with `child` for everything else, to its end.
Ended run(const std::string& script, Child child = {}) {
    std::array<int, 2> pipe{};
    EXPECT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    child.command = {"sh", "-c", script};
    child.out = child.err = pipe[1];
    const auto pid = start(child);
    EXPECT_TRUE(pid.has_value());
    ::close(pipe[1]);
    Ended ended;
    std::array<char, 4096> buffer{};
    for (ssize_t size = 0; (size = ::read(pipe[0], buffer.data(), buffer.size())) > 0;) {
        ended.output.append(buffer.data(), static_cast<std::size_t>(size));
    }
    ::close(pipe[0]);
    ::waitpid(*pid, &ended.status, 0);
    return ended;
}

TEST(Child, HasWhatItIsGivenAndNothingElse) {
    const int open = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC
    ASSERT_GT(open, 2);
    EXPECT_EQ(run("for f in /proc/self/fd/*; do echo ${f##*/}; done").output.substr(0, 6),
              "0\n1\n2\n");
    EXPECT_EQ(run("[ -e /proc/self/fd/" + std::to_string(open) + " ]").status, 1 << 8);
    EXPECT_EQ(run("cat; readlink /proc/self/fd/0").output, "/dev/null\n");
    ::close(open);

    Child elsewhere;
    elsewhere.directory = "/usr";
    EXPECT_EQ(run("pwd", elsewhere).output, "/usr\n");
}

TEST(Child, SignalsAreAsInAFreshProgram) {
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &blocked, &before), 0);
    const auto old_pipe = std::signal(SIGPIPE, SIG_IGN);
    for (const int each : {SIGPIPE, SIGINT, SIGTERM}) {
        const int status = run("kill -" + std::to_string(each) + " $$; echo lives").status;
        EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == each) << each << " " << status;
    }
    std::signal(SIGPIPE, old_pipe);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

/// The process group and the session, from /proc.
TEST(Child, IsInTheGroupThatIsWanted) {
    constexpr const char* kSay =
        "read -r pid name state parent group session rest < /proc/$$/stat; "
        "[ $group = $$ ] && echo own; [ $session = $$ ] && echo session; true";
    EXPECT_EQ(run(kSay).output, "");
    Child child;
    child.group = Group::own;
    EXPECT_EQ(run(kSay, child).output, "own\n");
    child.group = Group::session;
    EXPECT_EQ(run(kSay, child).output, "own\nsession\n");
}

TEST(Child, EnvironmentIsOursOrWhatIsGiven) {
    ::setenv("ZKPROV_CHILD_TEST", "ours", 1);
    EXPECT_EQ(run("echo $ZKPROV_CHILD_TEST").output, "ours\n");
    Child child;
    child.environment = environment_with({{"ZKPROV_CHILD_TEST", "given"}, {"OTHER", "b=c"}});
    EXPECT_EQ(run("echo $ZKPROV_CHILD_TEST $OTHER", child).output, "given b=c\n");
    ::unsetenv("ZKPROV_CHILD_TEST");
}

TEST(Child, AProgramIsLookedForInThePathOfItsEnvironment) {
    Child child;
    child.command = {"true"};
    child.environment = {"PATH=/nowhere:/usr/bin:/bin"};
    const auto found = start(child);
    ASSERT_TRUE(found.has_value());
    int status = -1;
    ::waitpid(*found, &status, 0);
    EXPECT_EQ(status, 0);

    child.environment = {"PATH=/nowhere"};
    const auto missing = start(child);
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().message(), "start true: No such file or directory");
    child.command = {"/dev/null"};
    EXPECT_EQ(start(child).error().code, boost::system::errc::permission_denied);
}

}  // namespace
}  // namespace zk::child
