#include "ssh/openssh.h"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <unistd.h>

#include <libssh2.h>

#include "ssh/known_hosts.h"
#include "ssh/openssh_error.h"
#include "ssh/refusal.h"

namespace zk::ssh {
namespace {

constexpr int kSshFailed = 255;
constexpr std::chrono::seconds kConfigTime{5};  // a Match exec may run something
constexpr int kAliveSeconds = 15;               // as libssh2's side sets TCP's keepalive

// A file name as a value of ssh_config: in quotes, and without a meaning for '%'.
std::string quoted(const std::string& file) {
    std::string text = "\"";
    for (const char c : file) {
        text += c;
        if (c == '%') text += c;
    }
    return text + '"';
}

void add_option(std::vector<std::string>& arguments, const std::string& assignment) {
    arguments.emplace_back("-o");
    arguments.push_back(assignment);
}

// With an askpass program that the user insists on, ssh may ask it for a password; else nobody is
// asked.
bool may_ask_a_program() {
    const char* const require =
        std::getenv("SSH_ASKPASS_REQUIRE");  // NOLINT(concurrency-mt-unsafe): only read
    return require != nullptr && std::string_view(require) == "force";
}

// ssh tells some failures ("no matching MAC found") at the level of greetings and warnings. With
// those, a host's banner would pass for the words of our command, so the one place is asked for
// alone; ssh before 8.5 cannot.
void add_log_options(std::vector<std::string>& arguments, const SshConfig& config) {
    const bool chooses = config.contains("logverbose");
    add_option(arguments, std::string("LogLevel=") + (chooses ? "ERROR" : "INFO"));
    if (chooses) add_option(arguments, "LogVerbose=packet.c:sshpkt_vfatal*");
}

// What a user's ssh_config may say that would keep ssh from running our command.
void undo_obstacles(std::vector<std::string>& arguments, const SshConfig& config) {
    const auto says = [&](const char* keyword, std::string_view harmless) {
        const auto found = config.find(keyword);
        return found != config.end() && !found->second.empty() && found->second[0] != harmless;
    };
    // Only where they are set: older ssh does not know them.
    if (says("remotecommand", "none")) add_option(arguments, "RemoteCommand=none");
    if (says("stdinnull", "no")) add_option(arguments, "StdinNull=no");
    if (says("forkafterauthentication", "no")) add_option(arguments, "ForkAfterAuthentication=no");
    if (says("sessiontype", "default")) add_option(arguments, "SessionType=default");
}

// Lines that speak of revoked keys and authorities stay in force for a host that was replaced.
Result<std::string> write_seen_keys(const std::string& known_hosts) {
    const char* const place = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): only read
    std::string path = (place == nullptr ? std::string("/tmp") : place) + "/zkprov-keys-XXXXXX";
    const int fd = ::mkstemp(path.data());
    if (fd < 0) return link_error(LinkErrc::known_hosts, path + ": cannot be made");
    ::close(fd);
    std::ofstream copy(path);
    std::ifstream file(known_hosts);
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with('@')) copy << line << '\n';
    }
    if (!copy.flush()) return link_error(LinkErrc::known_hosts, path + ": cannot be written");
    return path;
}

// Where ssh puts the key of a new host: as `ssh -G` shows it, unless the inventory says it.
std::string known_hosts_file(const LinkOptions& options, const SshConfig& config) {
    if (!options.known_hosts_file.empty()) return known_hosts_path(options.known_hosts_file);
    const std::string files = config_value(config, "userknownhostsfile");
    return known_hosts_path(files.substr(0, files.find(' ')));
}

}  // namespace

std::string find_ssh(const LinkOptions& options) {
    if (!options.ssh_program.empty()) {
        return ::access(options.ssh_program.c_str(), X_OK) == 0 ? options.ssh_program : "";
    }
    const char* const path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): only read
    std::istringstream places(path == nullptr ? "/usr/bin:/bin" : path);
    for (std::string place; std::getline(places, place, ':');) {
        std::string program = place + "/ssh";
        if (place.starts_with('/') && ::access(program.c_str(), X_OK) == 0) return program;
    }
    return {};
}

std::vector<std::string> openssh_login_arguments(const std::string& program,
                                                 const HostTarget& host,
                                                 const LinkOptions& options) {
    std::vector<std::string> arguments = {program};
    if (!options.ssh_config_file.empty()) {
        arguments.insert(arguments.end(), {"-F", options.ssh_config_file});
    }
    if (host.port_given) arguments.insert(arguments.end(), {"-p", std::to_string(host.port)});
    if (host.user_given) arguments.insert(arguments.end(), {"-l", host.user});
    if (!host.jump.empty()) arguments.insert(arguments.end(), {"-J", host.jump});
    for (const std::string& key : options.key_files) {
        add_option(arguments, "IdentityFile=" + quoted(key));
    }
    if (!options.key_files.empty()) add_option(arguments, "IdentitiesOnly=yes");
    if (options.ssh_agent_socket != default_agent_socket()) {
        add_option(
            arguments,
            "IdentityAgent=" +
                (options.ssh_agent_socket.empty() ? "none" : quoted(options.ssh_agent_socket)));
    }
    if (!options.known_hosts_file.empty()) {
        // The file that the inventory names is the only one that counts.
        add_option(arguments, "UserKnownHostsFile=" + quoted(options.known_hosts_file));
        add_option(arguments, "GlobalKnownHostsFile=/dev/null");
    }
    return arguments;
}

std::vector<std::string> openssh_arguments(const std::string& program,
                                           const HostTarget& host,
                                           const LinkOptions& options,
                                           const SshConfig& config,
                                           const std::string& command) {
    std::vector<std::string> arguments = openssh_login_arguments(program, host, options);
    // No terminal, no forwarding of agent, X11 or ports: as on libssh2's side.
    arguments.insert(arguments.end(), {"-T", "-a", "-x"});
    const bool accept = host.replace_host_key || options.new_host_keys == NewHostKeys::accept;
    add_option(arguments, std::string("BatchMode=") + (may_ask_a_program() ? "no" : "yes"));
    add_option(arguments, std::string("StrictHostKeyChecking=") + (accept ? "accept-new" : "yes"));
    add_log_options(arguments, config);
    add_option(arguments, "ClearAllForwardings=yes");
    add_option(arguments, "PermitLocalCommand=no");
    add_option(arguments, "ServerAliveInterval=" + std::to_string(kAliveSeconds));
    undo_obstacles(arguments, config);
    // Through another host the time includes the login there: our own deadline bounds it.
    if (config_value(config, "proxyjump").empty() && config_value(config, "proxycommand").empty()) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.connect_timeout);
        add_option(arguments, "ConnectTimeout=" + std::to_string(seconds.count()));
    }
    arguments.insert(arguments.end(), {"--", host.address, command});
    return arguments;
}

Result<SshConfig> read_ssh_config(const std::string& program,
                                  const HostTarget& host,
                                  const LinkOptions& options) {
    std::vector<std::string> arguments = openssh_login_arguments(program, host, options);
    arguments.insert(arguments.end(), {"-G", "--", host.address});
    ZK_TRY(auto process, LocalProcess::start(host.name, arguments, Terminal::none));
    Bytes printed;
    const LinkDeadline deadline = options.deadline_for(kConfigTime);
    Result<> more = ok();
    while ((more = process->read(printed, deadline)).has_value()) {
    }
    if (link_errc(more.error()) == LinkErrc::closed && process->exit_status() == 0) {
        return parse_ssh_config(printed);
    }
    const std::string words = openssh_words(process->last_words());
    return link_error(LinkErrc::ssh_client,
                      host.name + ": ssh_config cannot be used (" + program + " -G " +
                          host.address + (words.empty() ? "" : " said: " + words) +
                          "); correct it, or set ssh.client: libssh2 to do without it");
}

HostTarget with_ssh_config(HostTarget host, const SshConfig& config) {
    const std::string user = config_value(config, "user");
    if (!host.user_given && !user.empty()) host.user = user;
    const std::string port = config_value(config, "port");
    const auto number = std::strtoul(port.c_str(), nullptr, 10);
    if (!host.port_given && number > 0 && number <= 65535) {
        host.port = static_cast<std::uint16_t>(number);
    }
    return host;
}

Result<std::unique_ptr<OpensshSession>> OpensshSession::start(const std::string& program,
                                                              const HostTarget& host,
                                                              const LinkOptions& options,
                                                              const SshConfig& config,
                                                              const std::string& command) {
    for (const std::string& key : options.key_files) {
        if (::access(key.c_str(), R_OK) != 0) {
            return link_error(LinkErrc::key_unusable,
                              host.name + ": the key file " + key +
                                  " cannot be read; correct ssh.key in the inventory");
        }
    }
    auto session = std::unique_ptr<OpensshSession>(new OpensshSession(host, config));
    LinkOptions used = options;
    std::vector<std::string> more;
    if (host.replace_host_key) {
        session->known_hosts_ = known_hosts_file(options, config);
        ZK_TRY(session->seen_keys_, write_seen_keys(session->known_hosts_));
        used.known_hosts_file = session->seen_keys_;
        more = {"-o", "HashKnownHosts=no", "-o", "UpdateHostKeys=no", "-o", "ControlPath=none"};
    }
    auto arguments = openssh_arguments(program, host, used, config, command);
    arguments.insert(arguments.begin() + 1, more.begin(), more.end());
    auto process = LocalProcess::start(host.name, arguments, Terminal::none);
    if (!process.has_value()) return link_error(LinkErrc::ssh_client, process.error().words);
    session->process_ = *std::move(process);
    return session;
}

OpensshSession::~OpensshSession() {
    if (!seen_keys_.empty()) ::unlink(seen_keys_.c_str());
}

std::optional<int> OpensshSession::exit_status() const {
    const auto status = process_->exit_status();
    return status == kSshFailed ? std::nullopt : status;
}

// What the end of ssh, or its silence, means.
Error OpensshSession::explain(const Error& error) const {
    const auto kind = link_errc(error);
    if (kind == LinkErrc::timeout && !logged_in_) {
        const std::string words = openssh_words(last_words());
        return link_error(
            LinkErrc::timeout,
            host_.name + ": the system's ssh has not started a command as " + host_.user +
                " in time" + (words.empty() ? "" : "; it said: " + words) +
                "; is the host, or one in between, overloaded, " + silence_causes(host_) +
                ", or does ssh wait for a touch of a security key?");
    }
    if (kind != LinkErrc::closed || exit_status().has_value()) return error;
    if (!logged_in_) return openssh_error(host_, last_words(), config_);
    const std::string words = openssh_words(last_words());
    return link_error(
        LinkErrc::closed,
        host_.name + ": the connection was lost" +
            (words.empty() ? ", or a signal ended what ran there" : " (ssh said: " + words + ")"));
}

// ssh has checked that the host holds the key it shows, and has written it to our own file.
Result<> OpensshSession::accept_replaced_key() {
    std::ifstream file(seen_keys_);
    const std::unique_ptr<LIBSSH2_SESSION, decltype(&libssh2_session_free)> session(
        libssh2_session_init_ex(nullptr, nullptr, nullptr, nullptr), libssh2_session_free);
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string name;
        std::string type;
        std::string base64;
        if (line.starts_with('@') || !(words >> name >> type >> base64)) continue;
        ZK_CHECK(replace_host_key(session.get(), known_hosts_, name, type, base64));
    }
    ::unlink(seen_keys_.c_str());
    seen_keys_.clear();
    return ok();
}

Result<> OpensshSession::write(ByteView data, Bytes& inbox, LinkDeadline deadline) {
    auto written = process_->write(data, inbox, deadline);
    if (!written.has_value()) return explain(written.error());
    return ok();
}

Result<> OpensshSession::read(Bytes& inbox, LinkDeadline deadline) {
    auto got = process_->read(inbox, deadline);
    if (!got.has_value()) return explain(got.error());
    logged_in_ = true;
    if (!seen_keys_.empty()) ZK_CHECK(accept_replaced_key());
    return ok();
}

}  // namespace zk::ssh
