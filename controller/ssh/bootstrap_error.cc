#include "ssh/bootstrap_error.h"

#include "base/numbers.h"
#include "ssh/refusal.h"

namespace zk::ssh {

std::optional<Error> closed_end(const ProcessStream& stream,
                                const HostTarget& host,
                                const HostTalk& talk) {
    const auto status = stream.exit_status();
    if (status != kNoOutput && status != kNoInput) return std::nullopt;
    const bool output = status == kNoOutput;
    return link_error(LinkErrc::shell_refused,
                      host.name + ": logged in as " + host.user +
                          ", but its login shell closes its " + (output ? "output" : "input") +
                          " before our command" + it_said(talk.words()) + "; look for `exec " +
                          (output ? ">" : "<") +
                          "` in the start-up files of that shell, and let them do so for "
                          "interactive shells only");
}

Error no_hello(const ProcessStream& stream,
               const HostTarget& host,
               const HostTalk& talk,
               bool shell_ran,
               const Error& error) {
    const auto kind = link_errc(error);
    if (const auto closed = closed_end(stream, host, talk)) return *closed;
    const bool late = kind == LinkErrc::timeout;
    if (late ? sends_to_another_user(talk.words())
             : kind == LinkErrc::closed && stream.exit_status().has_value()) {
        return refusal(host, talk.words(), shell_ran);
    }
    if (late && stream.logged_in()) {
        return link_error(LinkErrc::timeout,
                          host.name + ": logged in as " + host.user +
                              ", but no command started in time" + it_said(talk.words()) + "; " +
                              silence_causes(host) + ", or is the host overloaded?");
    }
    if (talk.heard_nothing()) return error;
    return link_error(kind.value_or(LinkErrc::closed), error.words + it_said(talk.words()));
}

Error late_answer(const HostTarget& host, const HostTalk& talk, const std::string& during) {
    return link_error(LinkErrc::timeout,
                      host.name + ": " + during + ": no answer in time" + it_said(talk.words()) +
                          "; is the host overloaded, or does a process that the login shell left "
                          "in the background take what is sent? Its input belongs to /dev/null");
}

Error terminal_between(const HostTarget& host, const HostTalk& talk) {
    return link_error(LinkErrc::protocol,
                      host.name +
                          ": the host runs our command in a terminal, which does not pass "
                          "on bytes as they are" +
                          it_said(talk.words()) +
                          "; look for a recorder of sessions (script) in the start-up files of " +
                          host.user + "'s login shell and in a forced command");
}

Error push_error(const HostWords& words,
                 const HostTarget& host,
                 const LinkOptions& options,
                 const AgentBinary& agent,
                 const LinkHello& hello,
                 const std::string& what) {
    const auto mentions = [&](const char* text) {
        return words.complained.find(text) != std::string::npos;
    };
    const std::string place = host.name + ": " + options.remote_dir + "/bin";
    if (what.starts_with("full") || mentions("No space left") || mentions("quota exceeded")) {
        return link_error(LinkErrc::disk_full,
                          place + ": no room for the agent (" +
                              mebibytes_needed(agent.content.size()) +
                              "); free some space there and run again");
    }
    const bool read_only = mentions("Read-only file system");
    if (read_only || what == "noexec") {
        return link_error(LinkErrc::push_failed,
                          place +
                              (read_only ? " is on a read-only file system"
                                         : " is on a file system that runs no programs "
                                           "(mounted noexec)") +
                              "; name another directory for the agent with ssh.agent_dir in the "
                              "inventory, or mount it otherwise");
    }
    if (hello.uid != 0 && mentions("Permission denied")) {
        return link_error(LinkErrc::sudo_refused,
                          place + ": " + host.user +
                              " may not write there; set `ssh.sudo: auto` for "
                              "this host in the inventory, or log in as root");
    }
    return link_error(LinkErrc::push_failed,
                      place + ": the agent could not be put there (" + what + ")" + it_said(words));
}

}  // namespace zk::ssh
