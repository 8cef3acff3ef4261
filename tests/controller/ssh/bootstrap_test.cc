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
        std::string command = before + bootstrap_command(host_, options_.remote_dir);
        const std::size_t sh = command.find("/bin/sh");
        if (sh_ != "/bin/sh") command.replace(sh, 7, sh_);
        auto process = LocalProcess::start(host_.name, {shell_path, "-c", command});
        if (!process.has_value()) return process.error();
        process_ = *std::move(process);
        inbox_.clear();
        return bootstrap(*process_, host_, options_, **agent, inbox_, deadline_in(hello_time_));
    }
    static testing::AssertionResult says(const Error& error, std::string_view words) {
        if (error.words.find(words) != std::string::npos) return testing::AssertionSuccess();
        return testing::AssertionFailure() << "\"" << words << "\" is not in: " << error.words;
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

    std::string sh_ = "/bin/sh";  ///< what the host has there
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

// Where /bin/sh is bash it takes over what the login shell exports.
TEST_F(Bootstrap, SettingsOfABashDoNotReachTheScript) {
    sh_ = "/bin/bash --posix";
    for (const char* settings : {"set -e",
                                 "set -u",
                                 "set -C",
                                 "set -f",
                                 "set -x; exec 2>&1",
                                 "set -v; exec 2>&1",
                                 "set -euCfxv; exec 2>&1"}) {
        SCOPED_TRACE(settings);
        test::shell("rm -rf " + options_.remote_dir);
        for (const bool pushed : {true, false}) {
            const auto hello = run("/bin/bash", std::string(settings) + "; export SHELLOPTS; ");
            ASSERT_TRUE(hello.has_value()) << hello.error().words;
            EXPECT_EQ(hello->pushed, pushed);
            EXPECT_TRUE(agent_answers()) << inbox_;
        }
    }
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
    const auto endless = run("/bin/sh", "yes | head -c 2000000; ");
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
              "shell wait for input, or start another shell or send its output away in its "
              "start-up files, or is the host overloaded?");
}

// What cloud images put before root's keys: it says whom to log in as, and sleeps.
TEST_F(Bootstrap, ForcedCommandThatNamesAnotherUserIsToldAtOnce) {
    for (const char* sentence :
         {"Please login as the user \"admin\" rather than the user \"root\".",
          "Please login as the admin user rather than root user.",
          "Please log in as admin."}) {
        SCOPED_TRACE(sentence);
        const auto sent_away =
            run("/bin/sh", std::string("echo '") + sentence + "'; echo; exec sleep 120; ");
        ASSERT_FALSE(sent_away.has_value());
        EXPECT_EQ(link_errc(sent_away.error()), LinkErrc::shell_refused);
        EXPECT_TRUE(says(sent_away.error(), sentence));
        EXPECT_TRUE(says(sent_away.error(), "ssh.user: admin"));
    }
    // One that has no user to name, and one that does not sleep.
    const auto nobody =
        run("/bin/sh", "echo 'Please login as the user \"NONE\" rather.'; exit 142; ");
    ASSERT_FALSE(nobody.has_value());
    EXPECT_TRUE(says(nobody.error(), "\"NONE\" rather."));
    EXPECT_FALSE(says(nobody.error(), "ssh.user: NONE"));
    EXPECT_TRUE(says(nobody.error(), "ssh.user"));
}

TEST_F(Bootstrap, GreetingThatNamesAnotherUserStopsNobody) {
    ASSERT_TRUE(run("/bin/sh", "echo 'Please log in as admin.'; ").has_value());
    EXPECT_TRUE(agent_answers());
}

TEST_F(Bootstrap, WhatTheHostPrintedIsInTheErrorWhereverItPrintedIt) {
    struct {
        const char* does;
        LinkErrc kind;
    } const hosts[] = {
        {"echo The gate; echo is shut; exit 1; ", LinkErrc::shell_refused},
        {"printf 'The gate\nis shut'; exit 0; ", LinkErrc::shell_refused},
        {"echo The gate; echo is shut >&2; exit 1; ", LinkErrc::shell_refused},
        {"echo The gate; echo; echo 'is shut  '; kill -9 $$; ", LinkErrc::closed},
    };
    for (const auto& host : hosts) {
        SCOPED_TRACE(host.does);
        const auto refused = run("/bin/sh", host.does);
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(link_errc(refused.error()), host.kind);
        EXPECT_TRUE(says(refused.error(), "it said: The gate / is shut"));
        EXPECT_TRUE(says(refused.error(), "node 1 (test)"));
    }
    hello_time_ = std::chrono::milliseconds(1500);
    const auto late = run("/bin/sh", "echo Press Enter; read -r never; ");
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(link_errc(late.error()), LinkErrc::timeout);
    EXPECT_TRUE(says(late.error(), "it said: Press Enter"));
}

// The shell that closes one of them is the last that could say so.
TEST_F(Bootstrap, ClosedInputOrOutputIsToldAsTheCause) {
    for (const bool sudo : {false, true}) {
        fake_sudo("shift; exec \"$@\"");
        host_.sudo = sudo;
        host_.user = "ops";
        struct {
            const char* does;
            const char* word;
        } const hosts[] = {
            {"exec </dev/null; ", "closes its input"},
            {"exec <&-; ", "closes its input"},
            {"exec >&-; ", "closes its output"},
            {"exec >&- 2>&-; ", "closes its output"},
            {"exec >/dev/full; ", "closes its output"},
        };
        for (const auto& host : hosts) {
            SCOPED_TRACE(std::string(host.does) + (sudo ? "sudo" : ""));
            const auto refused =
                run("/bin/sh", with_tools() + "echo Welcome to the gate; " + host.does);
            ASSERT_FALSE(refused.has_value());
            EXPECT_EQ(link_errc(refused.error()), LinkErrc::shell_refused);
            EXPECT_TRUE(says(refused.error(), host.word));
            EXPECT_TRUE(says(refused.error(), "it said: Welcome to the gate"));
            EXPECT_TRUE(says(refused.error(), "start-up files"));
        }
    }
}

TEST_F(Bootstrap, AccountsThatRunNoCommandsAreToldByTheirCause) {
    struct {
        const char* says;
        const char* word;
    } const hosts[] = {
        {"This account is currently not available.", "nologin"},
        {"WARNING: Your password has expired.\nPassword change required but no TTY available.",
         "the password of root has expired"},
        {"You are required to change your password immediately (administrator enforced).",
         "the password of root has expired"},
        {"Your account has expired; please contact your system administrator.",
         "the account of root has expired"},
    };
    for (const auto& host : hosts) {
        for (const char* where : {"", " >&2"}) {
            SCOPED_TRACE(std::string(host.says) + where);
            const auto refused =
                run("/bin/sh", std::string("echo '") + host.says + "'" + where + "; exit 1; ");
            ASSERT_FALSE(refused.has_value());
            EXPECT_EQ(link_errc(refused.error()), LinkErrc::shell_refused);
            EXPECT_TRUE(says(refused.error(), host.word));
            EXPECT_TRUE(says(refused.error(), plain_line(host.says)));
        }
    }
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
}  // namespace zk
