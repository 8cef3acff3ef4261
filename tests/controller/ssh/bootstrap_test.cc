// The bootstrap dialogue with a real shell on this machine in place of the login shell of a host.
#include "ssh/bootstrap.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include "ssh/local_process.h"
#include "ssh/plain_line.h"
#include "support.h"

namespace zk {
namespace {

using test::read_text;
using test::TempDir;
using test::write_text;

class Bootstrap : public testing::Test {
  protected:
    Bootstrap() {
        host_.name = "node 1 (test)";
        options_.agent_binary = FAKE_AGENT;
        options_.remote_dir = dir_ / "state";
    }

    // Runs the dialogue in `shell_path`; `before` is put in front of the command line.
    Result<LinkHello> run(const std::string& shell_path = "/bin/sh",
                          const std::string& before = {}) {
        auto agent = load_agent_binary(options_.agent_binary);
        if (!agent.has_value()) return agent.error();
        const std::string command = before + bootstrap_command(host_, options_.remote_dir);
        auto process = LocalProcess::start(host_.name, {shell_path, "-c", command});
        if (!process.has_value()) return process.error();
        process_ = *std::move(process);
        inbox_.clear();
        return bootstrap(*process_, host_, options_, **agent, inbox_, deadline_in(hello_time_));
    }
    std::string installed() const { return options_.remote_dir + "/bin/zkprov-agent"; }
    // Whether the agent that was started echoes a frame.
    bool agent_answers() {
        const std::string frame("\0\0\0\3\7hi", 7);
        const auto deadline = deadline_in(std::chrono::seconds(10));
        if (!process_->write(frame, inbox_, deadline).has_value()) return false;
        while (inbox_.size() < frame.size()) {
            if (!process_->read(inbox_, deadline).has_value()) return false;
        }
        return inbox_ == frame;
    }
    void fake_sudo(const std::string& body) {
        ::mkdir((dir_ / "tools").c_str(), 0755);
        write_text(dir_ / "tools/sudo", "#!/bin/sh\n" + body + "\n", 0755);
    }
    std::string with_tools() const { return "PATH=" + (dir_ / "tools") + ":/usr/bin:/bin; "; }

    TempDir dir_;
    HostTarget host_;
    LinkOptions options_;
    Bytes inbox_;
    std::chrono::milliseconds hello_time_{20000};
    std::unique_ptr<LocalProcess> process_;
};

TEST_F(Bootstrap, PushesOnceAndThenRunsWhatIsThere) {
    const auto first = run();
    ASSERT_TRUE(first.has_value()) << first.error().words;
    EXPECT_TRUE(first->pushed);
    EXPECT_TRUE(first->agent_sha256.empty());
    EXPECT_TRUE(agent_answers());
    EXPECT_EQ(read_text(installed()), read_text(FAKE_AGENT));
    struct stat status {};
    ASSERT_EQ(::stat(installed().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0755U);
    process_->close();
    EXPECT_EQ(process_->exit_status(), 0);

    const auto second = run();
    ASSERT_TRUE(second.has_value()) << second.error().words;
    EXPECT_FALSE(second->pushed);
    EXPECT_EQ(second->agent_sha256.size(), 64U);
    EXPECT_EQ(second->uid, ::getuid());
    EXPECT_TRUE(agent_answers());
}

TEST_F(Bootstrap, WorksInBashToo) {
    ASSERT_TRUE(run("/bin/bash").has_value());
    EXPECT_TRUE(agent_answers());
}

TEST_F(Bootstrap, AnotherVersionIsReplacedAndNothingIsLeftBeside) {
    ASSERT_TRUE(test::shell("mkdir -p " + options_.remote_dir + "/bin"));
    write_text(installed(), "#!/bin/sh\nexit 7\n", 0755);
    const auto hello = run();
    ASSERT_TRUE(hello.has_value()) << hello.error().words;
    EXPECT_TRUE(hello->pushed);
    EXPECT_TRUE(agent_answers());
    EXPECT_TRUE(test::shell("test $(ls -A " + options_.remote_dir + "/bin | wc -l) = 1"));
}

TEST_F(Bootstrap, NoiseOfTheLoginShellIsSteppedOver) {
    ASSERT_TRUE(run("/bin/sh", "echo Welcome to this host; echo; ").has_value());
    EXPECT_TRUE(agent_answers());
    const auto endless = run("/bin/sh", "yes | head -c 200000; ");
    ASSERT_FALSE(endless.has_value());
    EXPECT_EQ(link_errc(endless.error()), LinkErrc::protocol);
}

TEST_F(Bootstrap, ShellThatRefusesIsToldApart) {
    const auto refused = run("/bin/sh", "echo This account is not available >&2; exit 1; ");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(link_errc(refused.error()), LinkErrc::shell_refused);
    EXPECT_NE(refused.error().words.find("not available"), std::string::npos);
    EXPECT_NE(refused.error().words.find("node 1 (test)"), std::string::npos);
}

TEST_F(Bootstrap, ShellThatNeverGetsToACommandMeetsTheDeadline) {
    hello_time_ = std::chrono::milliseconds(100);
    const auto silent = run("/bin/sh", "read -r never; ");
    ASSERT_FALSE(silent.has_value());
    EXPECT_EQ(link_errc(silent.error()), LinkErrc::timeout);
    EXPECT_EQ(silent.error().words,
              "node 1 (test): logged in as root, but no command started in time; does its login "
              "shell wait for something, or is the host overloaded?");
}

TEST_F(Bootstrap, WordsOfTheHostCannotSteerTheTerminal) {
    const auto refused = run("/bin/sh", "printf \"no\\033[2Jway\\nhere\\n\" >&2; exit 1; ");
    ASSERT_FALSE(refused.has_value());
    EXPECT_NE(refused.error().words.find("it said: no?[2Jway / here;"), std::string::npos)
        << refused.error().words;
}

TEST(PlainLine, KeepsTextAndDropsTheRest) {
    EXPECT_EQ(plain_line("one\r\ntwo\tthree\n\n"), "one / two three");
    EXPECT_EQ(plain_line("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
              "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
    EXPECT_EQ(plain_line("\x1b]0;x\x07 \xc2\x9b 1"), "?]0;x? ?? 1");
    // Cut off, overlong, a surrogate, beyond Unicode.
    EXPECT_EQ(plain_line("\xe2\x82"), "??");
    EXPECT_EQ(plain_line("\xc0\xaf\xe0\x80\xaf"), "?????");
    EXPECT_EQ(plain_line("\xed\xa0\x80\xf4\x90\x80\x80"), "???????");
    EXPECT_EQ(plain_line(""), "");
}

TEST_F(Bootstrap, SudoIsUsedForOthersThanRoot) {
    fake_sudo("printf %s \"$*\" > " + (dir_ / "asked") + "\n[ \"$1\" = -n ] && shift; exec \"$@\"");
    host_.sudo = true;
    host_.user = "ops";
    ASSERT_TRUE(run("/bin/sh", with_tools()).has_value());
    EXPECT_TRUE(agent_answers());
    EXPECT_EQ(read_text(dir_ / "asked").substr(0, 6), "-n sh ");
    host_.user = "root";
    EXPECT_EQ(bootstrap_command(host_, "/x").find("sudo"), std::string::npos);
}

TEST_F(Bootstrap, SudoThatSaysNoIsAnErrorOfItsOwn) {
    host_.sudo = true;
    host_.user = "ops";
    for (const char* body : {"echo 'sudo: a password is required' >&2; exit 1", "exit 127"}) {
        fake_sudo(body);
        const auto refused = run("/bin/sh", with_tools());
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(link_errc(refused.error()), LinkErrc::sudo_refused);
        EXPECT_NE(refused.error().words.find("NOPASSWD"), std::string::npos);
    }
    const auto missing = run("/bin/sh", "PATH=/nowhere; ");
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(link_errc(missing.error()), LinkErrc::sudo_refused) << missing.error().words;
}

TEST_F(Bootstrap, WrongMachineTypeIsRefusedBeforeAnythingIsSent) {
    std::string elf = read_text(FAKE_AGENT);
    elf[18] = static_cast<char>(elf[18] == 62 ? 183 : 62);  // e_machine: x86_64 or aarch64
    write_text(dir_ / "foreign", elf, 0755);
    options_.agent_binary = dir_ / "foreign";
    const auto refused = run();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(link_errc(refused.error()), LinkErrc::wrong_arch) << refused.error().words;
    EXPECT_NE(::access(options_.remote_dir.c_str(), F_OK), 0);
}

TEST_F(Bootstrap, FullDiskIsRefusedBeforeAnythingIsSent) {
    if (::getuid() != 0) GTEST_SKIP() << "SKIPPED: needs root to mount a small file system";
    ASSERT_TRUE(test::shell("mkdir -p " + options_.remote_dir));
    if (::mount("small", options_.remote_dir.c_str(), "tmpfs", 0, "size=32k") != 0) {
        GTEST_SKIP() << "SKIPPED: no right to mount";
    }
    const auto refused = run();
    process_->close();
    EXPECT_TRUE(test::shell("test -z \"$(ls -A " + options_.remote_dir + "/bin)\""));
    ::umount(options_.remote_dir.c_str());
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(link_errc(refused.error()), LinkErrc::disk_full) << refused.error().words;
}

TEST_F(Bootstrap, DiskThatFillsWhilePushingLeavesNothingBehind) {
    if (::getuid() != 0) GTEST_SKIP() << "SKIPPED: needs root to mount a small file system";
    ASSERT_TRUE(test::shell("mkdir -p " + options_.remote_dir));
    if (::mount("small", options_.remote_dir.c_str(), "tmpfs", 0, "size=32k") != 0) {
        GTEST_SKIP() << "SKIPPED: no right to mount";
    }
    // A df that sees room: the disk fills only while the agent is written.
    ::mkdir((dir_ / "tools").c_str(), 0755);
    write_text(dir_ / "tools/df", "#!/bin/sh\necho x; echo x 9 9 999999 9\n", 0755);
    const auto refused = run("/bin/sh", with_tools());
    process_->close();
    EXPECT_TRUE(test::shell("test -z \"$(ls -A " + options_.remote_dir + "/bin)\""));
    ::umount(options_.remote_dir.c_str());
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(link_errc(refused.error()), LinkErrc::disk_full) << refused.error().words;
}

TEST_F(Bootstrap, DamagedPushIsNotInstalled) {
    ::mkdir((dir_ / "tools").c_str(), 0755);
    write_text(dir_ / "tools/head", "#!/bin/sh\n/usr/bin/head \"$@\" | tr x y\n", 0755);
    const auto refused = run("/bin/sh", with_tools());
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(link_errc(refused.error()), LinkErrc::push_failed) << refused.error().words;
    EXPECT_NE(::access(installed().c_str(), F_OK), 0);
}

TEST_F(Bootstrap, MissingBinaryIsNamed) {
    options_.agent_binary = dir_ / "nothing";
    const auto refused = run();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(link_errc(refused.error()), LinkErrc::agent_missing);
}

TEST_F(Bootstrap, SilentHostMeetsTheDeadline) {
    auto agent = load_agent_binary(FAKE_AGENT);
    ASSERT_TRUE(agent.has_value());
    auto process = LocalProcess::start(host_.name, {"/bin/sleep", "30"});
    ASSERT_TRUE(process.has_value());
    const auto late = bootstrap(
        **process, host_, options_, **agent, inbox_, deadline_in(std::chrono::milliseconds(50)));
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(link_errc(late.error()), LinkErrc::timeout);
}

TEST(BootstrapParts, PlainPathsAndArchitectures) {
    EXPECT_TRUE(is_plain_path("/var/lib/zk-prov_1.0"));
    EXPECT_FALSE(is_plain_path("var/lib"));
    EXPECT_FALSE(is_plain_path("/var/lib/a b"));
    EXPECT_FALSE(is_plain_path("/var/'$(id)'"));
    EXPECT_TRUE(arch_fits("x86_64", "x86_64"));
    EXPECT_TRUE(arch_fits("i686", "x86_64"));
    EXPECT_FALSE(arch_fits("x86_64", "aarch64"));
    EXPECT_TRUE(arch_fits("arm", "armv7l"));
    // Any login shell passes the line on: no quote inside, no history expansion, no second line.
    const std::string command = bootstrap_command(HostTarget(), "/x");
    EXPECT_EQ(test::count_of(command, "'"), 2U);
    EXPECT_EQ(command.find('!'), std::string::npos);
    EXPECT_EQ(command.find('\n'), std::string::npos);
    EXPECT_LT(command.size(), 2048U);
}

}  // namespace
}  // namespace zk
