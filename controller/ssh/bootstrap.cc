#include "ssh/bootstrap.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <tuple>

#include <openssl/evp.h>
#include <sys/stat.h>

#include "ssh/plain_line.h"

namespace zk {
namespace {

constexpr std::size_t kNoiseBytesMax =
    64 * 1024;  // of a login shell's start-up files, before the hello
constexpr std::size_t kAgentBytesMax = 256UL * 1024 * 1024;
constexpr std::string_view kShellMark = "zkprov-shell";
constexpr std::string_view kHello = "zkprov-hello ";
constexpr std::string_view kFail = "zkprov-fail ";

// One line, without single quotes and exclamation marks, so that every login shell passes it on
// unharmed. $1 is the directory. The free space asked for is the size plus 64 KiB.
constexpr std::string_view kScript =
    "LC_ALL=C; export LC_ALL; umask 022; d=$1; a=$d/bin/zkprov-agent; h=none; "
    "if [ -x \"$a\" ]; then h=$(sha256sum <\"$a\"); h=${h%% *}; fi; "
    "echo \"zkprov-hello 1 $(uname -m) $(id -u) ${h:-none}\"; "
    "read -r c n s || exit 0; "
    "f() { echo \"zkprov-fail $*\"; exit 1; }; "
    "if [ \"$c\" = push ]; then "
    "mkdir -p \"$d/bin\" || f mkdir; "
    "find \"$d/bin\" -name \"zkprov-agent.new.*\" -mmin +60 -exec rm -f {} + 2>/dev/null; "
    "k=$(df -Pk \"$d/bin\" | { read -r x; read -r x y z k x; echo \"$k\"; }); "
    "if [ \"$k\" -ge 0 ] 2>/dev/null && [ \"$k\" -lt $((n / 1024 + 64)) ]; then f full \"$k\"; fi; "
    "t=$a.new.$$; trap \"rm -f $t\" 0 1 2 15; echo zkprov-ready; "
    "head -c \"$n\" >\"$t\" || f write; "
    "g=$(sha256sum <\"$t\"); [ \"${g%% *}\" = \"$s\" ] || f hash; "
    "chmod 755 \"$t\" || f chmod; sync \"$t\" 2>/dev/null; mv -f \"$t\" \"$a\" || f rename; "
    "trap - 0 1 2 15; echo zkprov-pushed; "
    "elif [ \"$c\" = run ]; then :; else exit 0; fi; "
    "unset LC_ALL; exec \"$a\" connect --stdio";

std::string to_hex_text(const unsigned char* data, std::size_t size) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < size; ++i) {
        text += kDigits[data[i] >> 4U];
        text += kDigits[data[i] & 0xfU];
    }
    return text;
}

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
                              " cannot be read: " + std::strerror(errno) +
                              "; build it, or name its directory with --release-dir");
    }
    auto binary = std::make_shared<AgentBinary>();
    binary->content = std::move(text).str();
    if (binary->content.size() > kAgentBytesMax) {
        return link_error(LinkErrc::agent_missing, path + " is too large to be the agent");
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    EVP_Digest(binary->content.data(),
               binary->content.size(),
               digest.data(),
               &size,
               EVP_sha256(),
               nullptr);
    binary->sha256 = to_hex_text(digest.data(), size);
    binary->arch = arch_of_elf(binary->content);
    return std::shared_ptr<const AgentBinary>(std::move(binary));
}

std::string said(const ProcessStream& stream) {
    const std::string words = plain_line(stream.last_words());
    return words.empty() ? std::string() : "; it said: " + words;
}

// The next line of `inbox`, without its end; reads more when there is none yet.
Result<std::string> next_line(ProcessStream& stream, Bytes& inbox, LinkDeadline deadline) {
    std::size_t end = 0;
    while ((end = inbox.find('\n')) == Bytes::npos) {
        if (inbox.size() > kNoiseBytesMax) {
            return link_error(LinkErrc::protocol, "no end of line within 64 KiB");
        }
        ZK_CHECK(stream.read(inbox, deadline));
    }
    std::string line = inbox.substr(0, end);
    inbox.erase(0, end + 1);
    if (line.ends_with('\r')) line.pop_back();
    return line;
}

// The channel ended before the hello: which of the steps before it failed?
Error no_hello(const ProcessStream& stream, const HostTarget& host, bool shell_ran) {
    if (host.sudo && host.user != "root" && shell_ran) {
        return link_error(LinkErrc::sudo_refused,
                          host.name + ": " + host.user + " may not become root by `sudo -n`" +
                              said(stream) + "; allow it on the host (" + host.user +
                              " ALL=(root) NOPASSWD: ALL in /etc/sudoers.d) or log in as root");
    }
    return link_error(LinkErrc::shell_refused,
                      host.name + ": logged in as " + host.user +
                          ", but its login shell does not run commands" + said(stream) +
                          "; look at the user's shell on the host");
}

Result<LinkHello> parse_hello(const std::string& line, const HostTarget& host) {
    std::istringstream words(plain_line(line.substr(kHello.size())));
    int version = 0;
    LinkHello hello;
    if (!(words >> version >> hello.arch >> hello.uid >> hello.agent_sha256) || version != 1) {
        return link_error(LinkErrc::protocol,
                          host.name + ": unexpected hello: " + plain_line(line));
    }
    if (hello.agent_sha256 == "none") hello.agent_sha256.clear();
    return hello;
}

Result<LinkHello> await_hello(ProcessStream& stream,
                              const HostTarget& host,
                              Bytes& inbox,
                              LinkDeadline deadline) {
    bool shell_ran = false;
    std::size_t noise = 0;
    while (noise < kNoiseBytesMax) {
        auto line = next_line(stream, inbox, deadline);
        if (!line.has_value() && link_errc(line.error()) == LinkErrc::closed) {
            if (stream.exit_status().has_value()) return no_hello(stream, host, shell_ran);
            return line.error();
        }
        if (!line.has_value() && !stream.logged_in()) return line.error();
        if (!line.has_value() && link_errc(line.error()) == LinkErrc::timeout) {
            return link_error(LinkErrc::timeout,
                              host.name + ": logged in as " + host.user +
                                  ", but no command started in time" + said(stream) +
                                  "; does its login shell" + (host.sudo ? " or sudo" : "") +
                                  " wait for something, or is the host overloaded?");
        }
        if (!line.has_value()) return line.error().with_context(host.name + ": hello");
        if (line->starts_with(kHello)) return parse_hello(*line, host);
        shell_ran = shell_ran || line->starts_with(kShellMark);
        noise += line->size() + 1;
    }
    return link_error(LinkErrc::protocol,
                      host.name + ": the login shell of " + host.user +
                          " writes too much before it runs commands; look at its start-up files");
}

std::string megabytes(std::size_t bytes) {
    return std::to_string((bytes + (1U << 20U) - 1) >> 20U) + " MiB";
}

// What a "zkprov-fail" line, or the end of the channel instead of an answer, means.
Error push_error(const ProcessStream& stream,
                 const HostTarget& host,
                 const LinkOptions& options,
                 const AgentBinary& agent,
                 const LinkHello& hello,
                 const std::string& what) {
    const std::string words = stream.last_words();
    const auto mentions = [&](const char* text) { return words.find(text) != std::string::npos; };
    const std::string place = host.name + ": " + options.remote_dir + "/bin";
    if (what.starts_with("full") || mentions("No space left") || mentions("quota exceeded")) {
        return link_error(LinkErrc::disk_full,
                          place + ": no room for the agent (" + megabytes(agent.content.size()) +
                              "); free some space there and run again");
    }
    if (hello.uid != 0 && mentions("Permission denied")) {
        return link_error(LinkErrc::sudo_refused,
                          place + ": " + host.user +
                              " may not write there; set `ssh.sudo: auto` for "
                              "this host in the inventory, or log in as root");
    }
    return link_error(LinkErrc::push_failed,
                      place + ": the agent could not be put there (" + what + ")" + said(stream));
}

Result<> push(ProcessStream& stream,
              const HostTarget& host,
              const LinkOptions& options,
              const AgentBinary& agent,
              const LinkHello& hello,
              Bytes& inbox) {
    const LinkDeadline deadline = options.deadline_for(options.push_timeout);
    const std::string command =
        "push " + std::to_string(agent.content.size()) + ' ' + agent.sha256 + '\n';
    const auto failed = [&](const std::string& what) {
        return push_error(stream, host, options, agent, hello, what);
    };
    ZK_CHECK(stream.write(command, inbox, deadline));
    for (const std::string_view expected : {"zkprov-ready", "zkprov-pushed"}) {
        auto line = next_line(stream, inbox, deadline);
        if (!line.has_value()) {
            if (link_errc(line.error()) == LinkErrc::closed) return failed("the link ended");
            return line.error().with_context(host.name + ": push");
        }
        if (line->starts_with(kFail)) {
            // Its end brings the words on stderr.
            Bytes rest;
            while (stream.read(rest, deadline_in(std::chrono::seconds(1))).has_value()) {
            }
            return failed(plain_line(line->substr(kFail.size())));
        }
        if (*line != expected) return failed("unexpected answer: " + plain_line(*line));
        if (expected == "zkprov-pushed") break;
        // A host that runs out of space stops reading; its reason is in the inbox then.
        auto written = stream.write(agent.content, inbox, deadline);
        if (!written.has_value() && link_errc(written.error()) != LinkErrc::closed) {
            return written.error().with_context(host.name + ": push");
        }
    }
    return ok();
}

}  // namespace

Result<std::shared_ptr<const AgentBinary>> load_agent_binary(const std::string& path) {
    using Version = std::tuple<std::string, std::int64_t, std::int64_t, std::int64_t>;
    static std::mutex mutex;
    static std::map<Version, std::shared_ptr<const AgentBinary>> loaded;
    struct stat status {};
    if (path.empty() || ::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return link_error(LinkErrc::agent_missing,
                          "the agent's binary " +
                              (path.empty() ? "is not named" : path + " is not there") +
                              "; build it, or name its directory with --release-dir");
    }
    const Version version{path, status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size};
    const std::lock_guard guard(mutex);
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
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./_-";
    return path.starts_with('/') && path.find_first_not_of(kPlain) == std::string::npos;
}

std::string bootstrap_command(const HostTarget& host, const std::string& remote_dir) {
    const bool sudo = host.sudo && host.user != "root";
    std::string command =
        sudo ? std::string("echo ").append(kShellMark) + "; exec sudo -n sh -c '" : "exec sh -c '";
    return command.append(kScript).append("' zkprov ").append(remote_dir);
}

Result<LinkHello> bootstrap(ProcessStream& stream,
                            const HostTarget& host,
                            const LinkOptions& options,
                            const AgentBinary& agent,
                            Bytes& inbox,
                            LinkDeadline hello_deadline) {
    ZK_TRY(LinkHello hello, await_hello(stream, host, inbox, hello_deadline));
    if (!arch_fits(agent.arch, hello.arch)) {
        return link_error(LinkErrc::wrong_arch,
                          host.name + ": the host is " + hello.arch + ", but the agent's binary " +
                              options.agent_binary + " is for " + agent.arch +
                              "; name the directory of a release for it with --release-dir");
    }
    if (hello.agent_sha256 == agent.sha256) {
        ZK_CHECK(stream.write("run\n", inbox, hello_deadline));
        return hello;
    }
    ZK_CHECK(push(stream, host, options, agent, hello, inbox));
    hello.pushed = true;
    return hello;
}

}  // namespace zk
