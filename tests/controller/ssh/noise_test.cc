// Login shells with start-up files that print, ask, redirect or run something else, over a real
// sshd on loopback: either the agent answers, or the error tells the cause with the host's own
// words. The user is one of a passwd file that only this sshd sees, with root's rights, so that
// real start-up files are read and a real sudo runs.
#include <gtest/gtest.h>

#include "link_fixture.h"
#include "ssh/agent_link.h"

namespace zk::ssh {
namespace {

using test::read_text;
using test::receive;
using test::send;
using test::shell;
using test::soon;
using test::SshLink;
using test::write_text;

struct Shell {
    const char* program;
    const char* file;  ///< what it reads when sshd runs a command, in the home directory
};
constexpr Shell kBash{"/bin/bash", ".bashrc"};
constexpr Shell kZsh{"/usr/bin/zsh", ".zshenv"};
constexpr Shell kFish{"/usr/bin/fish", ".config/fish/config.fish"};

class Noise : public SshLink {
  protected:
    void SetUp() override {
        if (::getuid() != 0 || !shell("unshare -m true")) {
            GTEST_SKIP() << "SKIPPED: needs root and the right to make a mount namespace";
        }
        write_text(passwd(), read_text("/etc/passwd"));
        before_sshd_ = {"/usr/bin/unshare",
                        "-m",
                        "/bin/sh",
                        "-c",
                        "mount --bind \"$0\" /etc/passwd && exec \"$@\"",
                        passwd()};
        SshLink::SetUp();
        host_.user = "ops";
    }
    std::string passwd() const { return dir_ / "passwd"; }

    /// From now on the login shell is `login`, and its start-up file `does` that.
    void set_up(const Shell& login, const std::string& does) {
        const std::string home = dir_ / "home";
        shell("rm -rf " + home + "; mkdir -p " + home + "/.config/fish");
        write_text(home + "/" + login.file, does + "\n");
        write_text(passwd(),
                   read_text("/etc/passwd") + "ops:x:0:0::" + home + ":" + login.program + "\n");
    }
    static bool is_there(const Shell& login) { return ::access(login.program, X_OK) == 0; }
    /// Both clients, the one without and the other with sudo.
    template <class Check>
    void by_each_client(Check check) {
        for (const SshClient client : clients_) {
            SCOPED_TRACE(client == SshClient::libssh2 ? "libssh2" : "openssh, sudo");
            options_.client = client;
            host_.sudo = client == SshClient::openssh;
            check();
        }
    }
    void expect_connection(const Shell& login, const std::string& does) {
        SCOPED_TRACE(std::string(login.program) + ": " + does);
        set_up(login, does);
        by_each_client([&] { expect_echo(); });
    }
    void expect_words(const Error& error, LinkErrc kind, const std::vector<std::string>& words) {
        EXPECT_EQ(link_errc(error), kind) << error.words;
        for (const std::string& word : words) {
            EXPECT_NE(error.words.find(word), std::string::npos)
                << "\"" << word << "\" is not in: " << error.words;
        }
    }
    void expect_error(const Shell& login,
                      const std::string& does,
                      LinkErrc kind,
                      const std::vector<std::string>& words) {
        SCOPED_TRACE(std::string(login.program) + ": " + does);
        set_up(login, does);
        by_each_client([&] {
            const auto link = open();
            ASSERT_FALSE(link.has_value());
            expect_words(link.error(), kind, words);
        });
    }
    /// For shells that do not answer: as much as a slow machine needs to log in.
    void be_impatient() {
        options_.connect_timeout = std::chrono::milliseconds(500);
        options_.login_timeout = std::chrono::milliseconds(3500);
    }
    std::vector<SshClient> clients_ = {SshClient::libssh2, SshClient::openssh};
    /// Sends frames until one does not come back as it was; the error of that.
    Error first_failure() {
        auto link = open();
        if (!link.has_value()) return link.error();
        const LinkDeadline end = deadline_in(std::chrono::seconds(60));
        for (int count = 0; std::chrono::steady_clock::now() < end; ++count) {
            const std::string payload = "frame " + std::to_string(count);
            auto sent = send(*link, payload, soon());
            if (!sent.has_value()) return sent.error();
            const auto echo = receive(*link, soon());
            if (!echo.has_value()) return echo.error();
            EXPECT_EQ(*echo, payload);
        }
        return {Errc::invalid, "every frame came back"};
    }
};

TEST_F(Noise, PrintedBeforeOurWordsIsSteppedOver) {
    for (const char* does : {
             "echo Welcome; echo",
             "printf 'last login: today '",
             "printf '\\033[1;32mgreen'",
             "printf '\\033]0;title\\007'; printf 'zkprov-'",
             "head -c 102400 /dev/zero | tr '\\0' '#'",
             "yes 'no end' | head -n 13000; yes 'no end' | head -n 13000 >&2",
             "echo \"$BASH_EXECUTION_STRING\"; echo \"$BASH_EXECUTION_STRING\" | tr ';' '\\n'",
             "trap 'echo \"$BASH_COMMAND\"' DEBUG; trap 'echo bye' EXIT",
             "exec 2>&1; set -x; echo on",
             "exec > >(tee -a \"$HOME/log\") 2>&1; echo logged",
         }) {
        expect_connection(kBash, does);
    }
}

TEST_F(Noise, SettingsOfTheLoginShellDoNoHarm) {
    for (const char* does : {
             "unset PATH",
             "PATH=/nonexistent",
             "set -e; false || true",
             "set -u",
             "set -euCx; export SHELLOPTS; exec 2>&1",
             "exec 2>&-",
             "exec 2>/dev/null",
             "alias sh='echo no' sudo='echo no'; shopt -s expand_aliases",
             "sh() { echo no; }; id() { echo no; }; export -f sh id",
             "export IFS=0 POSIXLY_CORRECT=1 CDPATH=/ TMOUT=600",
             "umask 077; cd /tmp; ulimit -c 0",
         }) {
        expect_connection(kBash, does);
    }
}

TEST_F(Noise, OtherShellsPrintToo) {
    if (is_there(kZsh)) expect_connection(kZsh, "echo Welcome; printf 'no end'");
    if (is_there(kFish)) expect_connection(kFish, "echo Welcome; printf 'no end'");
    const std::string own = dir_ / "own_shell";
    write_text(own, "#!/bin/sh\necho Welcome\nprintf 'no end'\nexec /bin/dash \"$@\"\n", 0755);
    expect_connection({own.c_str(), ".profile"}, "");
}

TEST_F(Noise, BackgroundThatEndsIsSteppedOverOrTold) {
    set_up(kBash, "for i in 1 2 3 4 5 6 7 8 9 10; do printf tick; sleep 0.1; done &");
    by_each_client([&] {
        const auto link = open();
        ASSERT_TRUE(link.has_value()) << link.error().words;
        ASSERT_TRUE(send(*link, "hello", soon()).has_value());
        const auto echo = receive(*link, soon());
        if (echo.has_value()) {
            EXPECT_EQ(*echo, "hello");
        } else {
            expect_words(echo.error(), LinkErrc::protocol, {"tick", "in the background"});
        }
    });
}

TEST_F(Noise, BackgroundThatGoesOnIsToldWithItsWords) {
    for (const char* does : {"while echo tick; do sleep 0.05; done &",
                             "while printf 'tick '; do sleep 0.05; done &"}) {
        SCOPED_TRACE(does);
        set_up(kBash, does);
        by_each_client([&] {
            expect_words(first_failure(),
                         LinkErrc::protocol,
                         {"tick", "in the background", "start-up files of ops"});
        });
    }
    set_up(kBash, "yes tick &");
    by_each_client([&] {
        expect_words(first_failure(), LinkErrc::protocol, {"tick", "start-up files"});
    });
}

// Complaints are no part of the conversation, however many.
TEST_F(Noise, BackgroundThatComplainsWithoutEndIsBorne) {
    // As fast as it can would be a race for the processor, which a machine with few of them loses.
    for (const char* does :
         {"while echo tick >&2; do sleep 0.005; done &", "yes tick | head -c 500000 >&2 &"}) {
        expect_connection(kBash, does);
    }
}

TEST_F(Noise, QuestionsAndOtherShellsAreAskedFor) {
    be_impatient();
    const std::vector<std::string> question = {
        "wait for input", "start another shell", "start-up files"};
    const auto with = [&](const char* said) {
        auto words = question;
        words.push_back(std::string("it said: ") + said);
        return words;
    };
    expect_error(kBash, "read x", LinkErrc::timeout, question);
    expect_error(kBash, "echo 'Which project?'; read x", LinkErrc::timeout, with("Which project?"));
    expect_error(kBash, "exec >/dev/null", LinkErrc::timeout, {"send its output away"});
    expect_error(kBash, "yes tick >&2 & read x", LinkErrc::timeout, {"tick"});
    const std::string key = read_text(dir_ / "id.pub");
    write_text(dir_ / "authorized_keys", "command=\"internal-sftp\" " + key);
    expect_error(kBash, "", LinkErrc::shell_refused, {"forced command", "sftp connections only"});
    clients_ = {SshClient::libssh2};  // each of these costs its whole time
    write_text(dir_ / "authorized_keys", "command=\"cat\" " + key);
    expect_error(kBash, "", LinkErrc::timeout, {"forced command", "wait for input"});
    write_text(dir_ / "authorized_keys", key);
    expect_error(
        kBash, "printf 'Project: '; exec bash --norc", LinkErrc::timeout, with("Project:"));
    expect_error(kBash, "exec dash -i", LinkErrc::timeout, question);
    if (is_there(kZsh)) expect_error(kBash, "exec zsh -i", LinkErrc::timeout, question);
    if (is_there(kFish)) expect_error(kBash, "exec fish", LinkErrc::timeout, question);
}

TEST_F(Noise, RecorderOfSessionsIsToldAsATerminal) {
    set_up(kBash,
           "[ -n \"$RECORDED\" ] || RECORDED=1 exec script -qec \"$BASH_EXECUTION_STRING\" "
           "/dev/null");
    by_each_client([&] {
        const auto link = open();
        ASSERT_FALSE(link.has_value());
        expect_words(link.error(), LinkErrc::protocol, {"terminal", "script"});
    });
}

TEST_F(Noise, ShellThatIsKilledIsNoLostConnectionAlone) {
    set_up(kBash, "echo 'No memory'; kill -9 $$");
    by_each_client([&] {
        const auto link = open();
        ASSERT_FALSE(link.has_value());
        const bool by_openssh = options_.client == SshClient::openssh;
        expect_words(link.error(),
                     by_openssh ? LinkErrc::closed : LinkErrc::shell_refused,
                     {"it said: No memory", by_openssh ? "signal" : "start-up files"});
    });
}

TEST_F(Noise, WordsOfAnAgentThatFailsAreItsOwnWhereverTheyGo) {
    set_up(kBash, "exec 2>&1");
    by_each_client([&] {
        auto link = open();
        ASSERT_TRUE(link.has_value()) << link.error().words;
        ASSERT_TRUE(send(*link, "fail", soon()).has_value());
        const auto end = receive(*link, soon());
        ASSERT_FALSE(end.has_value());
        expect_words(end.error(), LinkErrc::agent_failed, {"the disk is on fire", "status 3"});
    });
}

TEST_F(Noise, EndsInTheStartUpFilesAreTold) {
    expect_error(kBash,
                 "echo 'No project'; exit 3",
                 LinkErrc::shell_refused,
                 {"start-up files", "it said: No project", "ops"});
    expect_error(kBash,
                 "alias exec='echo no'; shopt -s expand_aliases",
                 LinkErrc::shell_refused,
                 {"start-up files", "it said: ...", "zkprov"});
    expect_error(
        {"/bin/rbash", ".bashrc"}, "", LinkErrc::shell_refused, {"it said: ", "restricted"});
    expect_error(kBash, "exit 0", LinkErrc::shell_refused, {"start-up files"});
    expect_error(kBash,
                 "exec tmux-of-nobody attach",
                 LinkErrc::shell_refused,
                 {"start-up files", "tmux-of-nobody: not found"});
    expect_error(kBash,
                 "echo 'No output'; exec >&-",
                 LinkErrc::shell_refused,
                 {"start-up files", "closes its output", "it said: No output"});
    expect_error(
        kBash, "exec </dev/null", LinkErrc::shell_refused, {"start-up files", "closes its input"});
}

}  // namespace
}  // namespace zk::ssh
