// What a login shell may do instead of our command, or before it, and what is said of that.
#include <gtest/gtest.h>

#include "base/plain_line.h"
#include "bootstrap_fixture.h"
#include "support.h"

namespace zk::ssh {
namespace {

class LoginShell : public test::BootstrapFixture {};

// Where /bin/sh is bash it takes over what the login shell exports.
TEST_F(LoginShell, SettingsOfABashDoNotReachTheScript) {
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

TEST_F(LoginShell, NoiseOfTheLoginShellIsSteppedOver) {
    ASSERT_TRUE(run("/bin/sh", "echo Welcome to this host; echo; ").has_value());
    EXPECT_TRUE(agent_answers());
    const auto endless = run("/bin/sh", "yes | head -c 2000000; ");
    ASSERT_FALSE(endless.has_value());
    EXPECT_EQ(link_errc(endless.error()), LinkErrc::protocol);
}

TEST_F(LoginShell, ShellThatRefusesIsToldApart) {
    const auto refused = run("/bin/sh", "echo This account is not available >&2; exit 1; ");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(link_errc(refused.error()), LinkErrc::shell_refused);
    EXPECT_NE(refused.error().words.find("not available"), std::string::npos);
    EXPECT_NE(refused.error().words.find("node 1 (test)"), std::string::npos);
}

TEST_F(LoginShell, ShellThatNeverGetsToACommandMeetsTheDeadline) {
    hello_time_ = std::chrono::milliseconds(100);
    const auto silent = run("/bin/sh", "read -r never; ");
    ASSERT_FALSE(silent.has_value());
    EXPECT_EQ(link_errc(silent.error()), LinkErrc::timeout);
    EXPECT_EQ(silent.error().words,
              "node 1 (test): logged in as root, but no command started in time; does its login "
              "shell or a forced command wait for input, do start-up files start another shell or "
              "send its output away, or is the host overloaded?");
}

// What cloud images put before root's keys: it says whom to log in as, and sleeps.
TEST_F(LoginShell, ForcedCommandThatNamesAnotherUserIsToldAtOnce) {
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

TEST_F(LoginShell, GreetingThatNamesAnotherUserStopsNobody) {
    ASSERT_TRUE(run("/bin/sh", "echo 'Please log in as admin.'; ").has_value());
    EXPECT_TRUE(agent_answers());
}

TEST_F(LoginShell, WhatTheHostPrintedIsInTheErrorWhereverItPrintedIt) {
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
TEST_F(LoginShell, ClosedInputOrOutputIsToldAsTheCause) {
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

TEST_F(LoginShell, AccountsThatRunNoCommandsAreToldByTheirCause) {
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

TEST_F(LoginShell, WordsOfTheHostCannotSteerTheTerminal) {
    const auto refused = run("/bin/sh", "printf \"no\\033[2Jway\\nhere\\n\" >&2; exit 1; ");
    ASSERT_FALSE(refused.has_value());
    EXPECT_NE(refused.error().words.find("it said: no?[2Jway / here;"), std::string::npos)
        << refused.error().words;
}

}  // namespace
}  // namespace zk::ssh
