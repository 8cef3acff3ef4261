#include "ssh/bootstrap.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <map>
#include <sstream>
#include <tuple>

#include <sys/stat.h>
#include <system_error>

#include "agent_api/digest.h"
#include "ssh/bootstrap_error.h"
#include "ssh/host_talk.h"
#include "ssh/refusal.h"
#include "threads/mutex.h"

namespace zk::ssh {
namespace {

constexpr std::size_t kAgentBytesMax = 256UL * 1024 * 1024;
// After a host told whom to log in as, a command of ours should follow soon, or it never will.
constexpr std::chrono::seconds kAfterInvitation{2};
constexpr std::chrono::seconds kLastWordsTime{1};  // from a failure to its reason on stderr

// One line each, without single quotes and exclamation marks, so that every login shell passes them
// on unharmed. A login shell may have no PATH at all, and where sh is bash it may hand over its
// options.
constexpr std::string_view kSettings =
    "set +Ceufvx; PATH=${PATH:+$PATH:}/usr/sbin:/usr/bin:/sbin:/bin; LC_ALL=C; export PATH "
    "LC_ALL; ";
// $1 is kScript, $2 and $3 the directories. What sudo says is understood in English only.
constexpr std::string_view kSudoScript =
    "echo zkprov-shell || exit 93; exec sudo -n sh -c \"$1\" zkprov \"$2\" \"$3\"";
// $1 is the directory, $2 that of the state or empty. The free space asked for is the size plus 64 KiB. An empty file tells
// whether programs may run there, before a large one is sent in vain.
constexpr std::string_view kScript =
    "umask 022; d=$1; a=$d/bin/zkprov-agent; h=none; "
    "if [ -x \"$a\" ]; then h=$(sha256sum <\"$a\"); h=${h%% *}; fi; "
    "echo \"zkprov-hello 1 $(uname -m) $(id -u) ${h:-none}\" || exit 93; "
    "read -r c n s || exit 94; "
    "f() { echo \"zkprov-fail $*\"; exit 1; }; "
    "if [ \"$c\" = push ]; then "
    "mkdir -p \"$d/bin\" || f mkdir; "
    "find \"$d/bin\" -name \"zkprov-agent.new.*\" -mmin +60 -exec rm -f {} + 2>/dev/null; "
    "k=$(df -Pk \"$d/bin\" | { read -r x; read -r x y z k x; echo \"$k\"; }); "
    "if [ \"$k\" -ge 0 ] 2>/dev/null && [ \"$k\" -lt $((n / 1024 + 64)) ]; then f full \"$k\"; fi; "
    "t=$a.new.$$; trap \"rm -f $t\" 0 1 2 15; "
    "true >\"$t\" && chmod 755 \"$t\" || f write; [ -x \"$t\" ] || f noexec; echo zkprov-ready; "
    "head -c \"$n\" >\"$t\" || f write; "
    "g=$(sha256sum <\"$t\"); [ \"${g%% *}\" = \"$s\" ] || f hash; "
    "sync \"$t\" 2>/dev/null; mv -f \"$t\" \"$a\" || f rename; "
    "trap - 0 1 2 15; echo zkprov-pushed; "
    "elif [ \"$c\" = run ]; then :; else exit 0; fi; "
    "unset LC_ALL; echo zkprov-start; exec \"$a\" connect --stdio ${2:+--state-dir \"$2\"}";

std::string arch_of_elf(const Bytes& content) {
    Elf64_Ehdr header{};
    if (content.size() < sizeof header) return {};
    std::memcpy(&header, content.data(), sizeof header);
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return {};
    switch (header.e_machine) {
        case EM_X86_64:
            return "x86_64";
        case EM_AARCH64:
            return "aarch64";
        case EM_386:
            return "i686";
        case EM_ARM:
            return "arm";
        case EM_PPC64:
            return "ppc64le";
        case EM_S390:
            return "s390x";
        case EM_RISCV:
            return "riscv64";
        default:
            return "machine-" + std::to_string(header.e_machine);
    }
}

Result<std::shared_ptr<const AgentBinary>> read_agent_binary(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (!file || !(text << file.rdbuf())) {
        return link_error(LinkErrc::agent_missing,
                          "the agent's binary " + path +
                              " cannot be read: " + std::generic_category().message(errno) +
                              "; build it, or name its directory with --release-dir");
    }
    auto binary = std::make_shared<AgentBinary>();
    binary->content = std::move(text).str();
    if (binary->content.size() > kAgentBytesMax) {
        return link_error(LinkErrc::agent_missing, path + " is too large to be the agent");
    }
    binary->sha256 = agent_api::sha256_hex(binary->content);
    binary->arch = arch_of_elf(binary->content);
    return std::shared_ptr<const AgentBinary>(std::move(binary));
}

LinkHello parse_hello(const std::string& line) {
    std::istringstream words(line);
    std::string skipped;
    LinkHello hello;
    words >> skipped >> skipped >> hello.arch >> hello.uid >> hello.agent_sha256;
    if (hello.agent_sha256 == "none") hello.agent_sha256.clear();
    return hello;
}

Result<LinkHello> await_hello(ProcessStream& stream,
                              const HostTarget& host,
                              HostTalk& talk,
                              LinkDeadline deadline) {
    bool shell_ran = false;
    while (true) {
        auto line = talk.next_line(deadline, kAfterInvitation);
        if (!line.has_value()) return no_hello(stream, host, talk, shell_ran, line.error());
        if (line->starts_with("hello ")) {
            if (talk.in_terminal()) return terminal_between(host, talk);
            return parse_hello(*line);
        }
        shell_ran = shell_ran || *line == "shell";
    }
}

// A script without input has ended before it is told anything.
Result<> command_script(ProcessStream& stream,
                        const HostTarget& host,
                        HostTalk& talk,
                        Bytes& inbox,
                        const std::string& command,
                        LinkDeadline deadline) {
    auto written = stream.write(command, inbox, deadline);
    if (written.has_value()) return ok();
    if (link_errc(written.error()) != LinkErrc::closed) return written.error();
    talk.hear_the_end(deadline_in(kLastWordsTime));
    if (auto closed = closed_end(stream, host, talk)) return *std::move(closed);
    return link_error(LinkErrc::closed, written.error().words + it_said(talk.words()));
}

Result<> push(ProcessStream& stream,
              const HostTarget& host,
              const LinkOptions& options,
              const AgentBinary& agent,
              const LinkHello& hello,
              HostTalk& talk,
              Bytes& inbox) {
    const LinkDeadline deadline = options.deadline_for(options.push_timeout);
    const std::string command =
        "push " + std::to_string(agent.content.size()) + ' ' + agent.sha256 + '\n';
    ZK_CHECK(command_script(stream, host, talk, inbox, command, deadline));
    bool sent = false;
    while (true) {
        auto line = talk.next_line(deadline);
        if (!line.has_value() && link_errc(line.error()) == LinkErrc::timeout) {
            return late_answer(host, talk, "push");
        }
        if (!line.has_value() && link_errc(line.error()) != LinkErrc::closed) {
            return line.error().with_context(host.name + ": push");
        }
        if (auto closed = closed_end(stream, host, talk)) return *std::move(closed);
        if (!line.has_value() || line->starts_with("fail")) {
            const std::string what = line.has_value() ? line->substr(5) : "the link ended";
            if (line.has_value()) talk.hear_the_end(deadline_in(kLastWordsTime));
            return push_error(talk.words(), host, options, agent, hello, what);
        }
        if (*line == "pushed") return ok();
        if (*line != "ready" || sent) continue;
        sent = true;
        // A host that runs out of space stops reading; its reason is in the inbox then.
        auto written = stream.write(agent.content, inbox, deadline);
        if (!written.has_value() && link_errc(written.error()) != LinkErrc::closed) {
            return written.error().with_context(host.name + ": push");
        }
    }
}

// The login shell may have left something in the background that writes, too: frames begin behind
// this line only.
Result<> await_start(ProcessStream& stream,
                     const HostTarget& host,
                     HostTalk& talk,
                     LinkDeadline deadline) {
    while (true) {
        auto line = talk.next_line(deadline);
        if (!line.has_value() && link_errc(line.error()) == LinkErrc::timeout) {
            return late_answer(host, talk, "start of the agent");
        }
        if (auto closed = closed_end(stream, host, talk)) return *std::move(closed);
        if (!line.has_value()) return line.error().with_context(host.name + ": start of the agent");
        if (*line == "start") return ok();
    }
}

}  // namespace

Result<std::shared_ptr<const AgentBinary>> load_agent_binary(const std::string& path) {
    using Version = std::tuple<std::string, std::int64_t, std::int64_t, std::int64_t>;
    static threads::Mutex mutex;
    static std::map<Version, std::shared_ptr<const AgentBinary>> loaded;
    struct stat status {};
    if (path.empty() || ::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return link_error(LinkErrc::agent_missing,
                          "the agent's binary " +
                              (path.empty() ? "is not named" : path + " is not there") +
                              "; build it, or name its directory with --release-dir");
    }
    const Version version{path, status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size};
    const threads::Lock guard(mutex);
    auto& entry = loaded[version];
    if (entry == nullptr) {
        ZK_TRY(entry, read_agent_binary(path));
    }
    return entry;
}

bool arch_fits(const std::string& arch, const std::string& uname) {
    if (arch.empty() || arch == uname) return true;
    if (arch == "arm") return uname.starts_with("arm");
    return arch == "i686" && (uname == "i586" || uname == "x86_64");
}

bool is_plain_path(const std::string& path) {
    constexpr std::string_view kPlain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./_-+@";
    return path.starts_with('/') && path.find_first_not_of(kPlain) == std::string::npos;
}

std::string bootstrap_command(const HostTarget& host,
                              const std::string& remote_dir,
                              const std::string& state_dir) {
    const std::string directories = remote_dir + (state_dir.empty() ? "" : " " + state_dir);
    const std::string script = std::string(kSettings).append(kScript);
    if (!host.sudo || host.user == "root") {
        return "exec /bin/sh -c '" + script + "' zkprov " + directories;
    }
    return "exec /bin/sh -c '" + std::string(kSettings).append(kSudoScript) + "' zkprov '" +
           script + "' " + directories;
}

Result<LinkHello> bootstrap(ProcessStream& stream,
                            const HostTarget& host,
                            const LinkOptions& options,
                            const AgentBinary& agent,
                            Bytes& inbox,
                            LinkDeadline hello_deadline) {
    HostTalk talk(host.name, stream, inbox);
    ZK_TRY(LinkHello hello, await_hello(stream, host, talk, hello_deadline));
    if (!arch_fits(agent.arch, hello.arch)) {
        return link_error(LinkErrc::wrong_arch,
                          host.name + ": the host is " + hello.arch + ", but the agent's binary " +
                              options.agent_binary + " is for " + agent.arch +
                              "; name the directory of a release for it with --release-dir");
    }
    LinkDeadline deadline = hello_deadline;
    if (hello.agent_sha256 == agent.sha256) {
        ZK_CHECK(command_script(stream, host, talk, inbox, "run\n", deadline));
    } else {
        ZK_CHECK(push(stream, host, options, agent, hello, talk, inbox));
        hello.pushed = true;
        deadline = options.deadline_for(options.push_timeout);
    }
    ZK_CHECK(await_start(stream, host, talk, deadline));
    return hello;
}

}  // namespace zk::ssh
