#include "ssh/client_choice.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "ssh/bootstrap.h"
#include "ssh/keys.h"
#include "ssh/openssh.h"
#include "ssh/session.h"

namespace zk::ssh {
namespace {

constexpr const char* kSystemConfig = "/etc/ssh/ssh_config";
constexpr const char* kSystemConfigs = "/etc/ssh/ssh_config.d";

std::string read_text(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

bool exists(const std::string& path) {
    std::error_code error;
    return std::filesystem::exists(path, error);
}

bool is_any_in(const std::string& directory) {
    std::error_code error;
    return std::filesystem::directory_iterator(directory, error) !=
           std::filesystem::directory_iterator();
}

// Whether it is worth a process to ask ssh what its files say: most machines have Debian's as they
// came.
bool may_config_ask(const LinkOptions& options) {
    return !options.ssh_config_file.empty() ||
           may_ask(read_text(expand_home("~/.ssh/config")), true) ||
           may_ask(read_text(kSystemConfig), is_any_in(kSystemConfigs));
}

// A key that libssh2's side would pass over, among those that ssh would try.
std::string key_for_openssh(const LinkOptions& options) {
    for (const std::string& key : options.key_files) {
        if (exists(key + "-cert.pub")) return key + " has a certificate";
        if (read_text(key + ".pub").starts_with("sk-")) return key + " is a security key";
    }
    if (!options.key_files.empty()) return {};
    for (const char* name : {"id_ed25519", "id_ecdsa", "id_rsa"}) {
        const std::string file = std::string("~/.ssh/") + name + "-cert.pub";
        if (exists(expand_home(file))) return file + " is a certificate";
    }
    for (const char* name : {"id_ed25519_sk", "id_ecdsa_sk"}) {
        const std::string file = std::string("~/.ssh/") + name;
        if (exists(expand_home(file))) return file + " is a security key";
    }
    return {};
}

std::string listed(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

// Why the system's ssh is to be taken without trying libssh2; `why` is empty when nothing asks for
// it.
struct Demand {
    std::string why;
    std::optional<SshConfig> config;  ///< of the host, when it was read
};
Result<Demand> demand_for_openssh(const std::string& program,
                                  const HostTarget& host,
                                  const LinkOptions& options) {
    Demand demand;
    if (!host.jump.empty()) demand.why = "the inventory names a jump host";
    if (demand.why.empty() && !program.empty()) demand.why = key_for_openssh(options);
    if (!demand.why.empty() || program.empty() || !may_config_ask(options)) return demand;
    LinkOptions without = options;
    without.ssh_config_file = "none";
    ZK_TRY(demand.config, read_ssh_config(program, host, options));
    ZK_TRY(const SshConfig with_none, read_ssh_config(program, host, without));
    auto asked = keywords_asked(*demand.config, with_none);
    // Keys that the inventory names come first and are enough.
    if (!options.key_files.empty()) std::erase(asked, "IdentityFile");
    if (!asked.empty()) demand.why = "ssh_config sets " + listed(asked) + " for it";
    return demand;
}

Result<ReachedHost> reach_by_openssh(const std::string& program,
                                     const HostTarget& host,
                                     const LinkOptions& options,
                                     std::optional<SshConfig> config = std::nullopt) {
    if (program.empty()) {
        return link_error(LinkErrc::ssh_client,
                          host.name +
                              ": the system's ssh is to be used, but this machine has none; "
                              "install it (openssh-client)");
    }
    if (!config) {
        ZK_TRY(config, read_ssh_config(program, host, options));
    }
    ReachedHost reached;
    reached.host = with_ssh_config(host, *config);
    reached.deadline = options.deadline_for(options.connect_timeout + options.login_timeout);
    ZK_TRY(reached.stream,
           OpensshSession::start(
               program,
               reached.host,
               options,
               *config,
               bootstrap_command(reached.host, options.remote_dir, options.state_dir)));
    return reached;
}

Result<ReachedHost> reach_by_libssh2(const HostTarget& host, const LinkOptions& options) {
    ReachedHost reached;
    reached.host = host;
    ZK_TRY(auto session, SshSession::open(host, options));
    reached.deadline = options.deadline_for(options.login_timeout);
    ZK_CHECK(session->run(bootstrap_command(host, options.remote_dir, options.state_dir),
                          reached.deadline));
    reached.stream = std::move(session);
    return reached;
}

// Whether ssh may get further where libssh2 failed. An unknown host counts only when ssh reads
// another file that may know it.
bool may_openssh_help(const Error& error, const LinkOptions& options) {
    switch (link_errc(error).value_or(LinkErrc::closed)) {
        case LinkErrc::no_common_algorithm:
        case LinkErrc::host_key_unverifiable:
            return true;
        case LinkErrc::host_key_unknown:
            return options.known_hosts_file.empty() && (exists("/etc/ssh/ssh_known_hosts") ||
                                                        exists(expand_home("~/.ssh/known_hosts2")));
        default:
            return false;
    }
}

// "node 2 (10.0.0.2): " is not said twice.
std::string without_name(const HostTarget& host, const std::string& words) {
    const std::string name = host.name + ": ";
    return words.starts_with(name) ? words.substr(name.size()) : words;
}

// One text for all hosts that share the reason: without lines and fingerprints.
std::string reason_of(const HostTarget& host, const Error& error) {
    switch (link_errc(error).value_or(LinkErrc::closed)) {
        case LinkErrc::host_key_unverifiable:
            return "known_hosts has an RSA key or an authority for it, which libssh2 cannot check";
        case LinkErrc::host_key_unknown:
            return "its key is not in ~/.ssh/known_hosts, and ssh reads other files, too";
        default:
            return without_name(host, error.words);
    }
}

Error with_way_out(Error error, const std::string& way_out) {
    error.words += "; " + way_out;
    return error;
}

}  // namespace

Result<ReachedHost> reach_host(const HostTarget& host, const LinkOptions& options) {
    if (options.client == SshClient::libssh2) {
        if (!host.jump.empty()) {
            return link_error(
                LinkErrc::ssh_client,
                host.name + ": libssh2 knows no jump hosts; set ssh.client: auto or openssh");
        }
        auto reached = reach_by_libssh2(host, options);
        if (!reached.has_value() && may_openssh_help(reached.error(), options)) {
            return with_way_out(reached.error(),
                                "the system's ssh may: set ssh.client: auto or openssh");
        }
        return reached;
    }
    const std::string program = find_ssh(options);
    if (options.client == SshClient::openssh) return reach_by_openssh(program, host, options);

    ZK_TRY(Demand demand, demand_for_openssh(program, host, options));
    std::string libssh2_said;
    if (demand.why.empty()) {
        auto reached = reach_by_libssh2(host, options);
        if (reached.has_value() || !may_openssh_help(reached.error(), options)) return reached;
        if (program.empty()) {
            return with_way_out(
                reached.error(),
                "the system's ssh may: install it on this machine (openssh-client)");
        }
        libssh2_said = reached.error().words;
        demand.why = reason_of(host, reached.error());
    }
    if (!program.empty() && options.on_openssh) options.on_openssh(host, demand.why);
    auto reached = reach_by_openssh(program, host, options, std::move(demand.config));
    if (reached.has_value()) reached->libssh2_said = std::move(libssh2_said);
    return reached;
}

Error explain_unreached(const ReachedHost& reached, const Error& error) {
    if (link_errc(error) != LinkErrc::no_common_algorithm || reached.libssh2_said.empty()) {
        return error;
    }
    return link_error(LinkErrc::no_common_algorithm,
                      reached.libssh2_said + "; " + without_name(reached.host, error.words));
}

}  // namespace zk::ssh
