// The bootstrap dialogue: the push, what is refused before it, sudo.
#include "ssh/bootstrap.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include "bootstrap_fixture.h"
#include "ssh/local_process.h"
#include "support.h"

namespace zk::ssh {
namespace {

using test::read_text;
using test::write_text;

class Bootstrap : public test::BootstrapFixture {};

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
}

TEST_F(Bootstrap, WhatKeepsSudoFromWorkingHasItsOwnWayOut) {
    host_.sudo = true;
    host_.user = "ops";
    struct {
        const char* says;
        const char* way_out;
    } const hosts[] = {
        {"sudo: sorry, you must have a tty to run sudo", "Defaults:ops !requiretty"},
        {"sudo: Account or password is expired, reset your password and try again", "passwd ops"},
        {"sudo: Password expired, contact your system administrator", "passwd ops"},
        {"sudo: Account expired or PAM config lacks an \"account\" section for sudo, contact your "
         "system administrator",
         "chage -E -1 ops"},
        {"sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set", "nosuid"},
        {"sudo: The \"no new privileges\" flag is set, which prevents sudo from running as root.",
         "log in as root"},
        {"exec: sudo: not found", "install sudo"},
        {"ops is not in the sudoers file.", "NOPASSWD"},
    };
    for (const auto& host : hosts) {
        SCOPED_TRACE(host.says);
        fake_sudo(std::string("printf '") + host.says + "\\n' >&2; exit 1");
        const auto refused = run("/bin/sh", with_tools());
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(link_errc(refused.error()), LinkErrc::sudo_refused);
        EXPECT_TRUE(says(refused.error(), host.way_out));
        EXPECT_TRUE(says(refused.error(), "it said: "));
        const bool password = std::string_view(host.way_out) == "NOPASSWD";
        EXPECT_EQ(refused.error().words.find("NOPASSWD") != std::string::npos, password);
    }
}

TEST_F(Bootstrap, SudoIsAskedToSpeakEnglish) {
    fake_sudo("echo \"language $LC_ALL\" >&2; exit 1");
    host_.sudo = true;
    host_.user = "ops";
    const auto refused = run("/bin/sh", with_tools() + "LC_ALL=de_DE.UTF-8; export LC_ALL; ");
    ASSERT_FALSE(refused.has_value());
    EXPECT_TRUE(says(refused.error(), "language C"));
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

TEST_F(Bootstrap, DirectoryThatRunsNoProgramsIsNamedBeforeAnythingIsSent) {
    if (::getuid() != 0) GTEST_SKIP() << "SKIPPED: needs root to mount a file system";
    ASSERT_TRUE(test::shell("mkdir -p " + options_.remote_dir));
    for (const unsigned long flags : {MS_NOEXEC, MS_RDONLY}) {
        SCOPED_TRACE(flags);
        if (::mount("barren", options_.remote_dir.c_str(), "tmpfs", flags, "") != 0) {
            GTEST_SKIP() << "SKIPPED: no right to mount";
        }
        const auto refused = run();
        const auto again = run();
        process_->close();
        if (flags == MS_NOEXEC) {
            EXPECT_TRUE(test::shell("test -z \"$(ls -A " + options_.remote_dir + "/bin)\""));
        }
        ::umount(options_.remote_dir.c_str());
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(link_errc(refused.error()), LinkErrc::push_failed);
        EXPECT_TRUE(says(refused.error(), flags == MS_NOEXEC ? "noexec" : "read-only"));
        EXPECT_TRUE(says(refused.error(), options_.remote_dir + "/bin"));
        EXPECT_TRUE(says(refused.error(), "ssh.agent_dir"));
        ASSERT_FALSE(again.has_value());
        EXPECT_EQ(again.error().words, refused.error().words);
    }
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
    HostTarget host;
    const std::string command = bootstrap_command(host, "/x");
    EXPECT_EQ(test::count_of(command, "'"), 2U);
    EXPECT_EQ(command.find('!'), std::string::npos);
    EXPECT_EQ(command.find('\n'), std::string::npos);
    EXPECT_LT(command.size(), 2048U);
}

}  // namespace
}  // namespace zk::ssh
