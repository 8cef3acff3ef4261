// The system's `ssh` as a child process: one process and one channel per host, behind the same
// stream as libssh2's session. What it reads (ssh_config, keys, certificates, agents, jump hosts,
// ControlMaster) it reads itself; only host keys are ours to insist on. It has no terminal and asks
// nobody; secrets are never among its arguments. Shell. One thread at a time. Source: ssh(1),
// ssh_config(5).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ssh/local_process.h"
#include "ssh/ssh_config.h"
#include "ssh/stream.h"

namespace zk::ssh {

/// options.ssh_program, else `ssh` of PATH; empty when there is none.
std::string find_ssh(const LinkOptions& options);

/// The program and what the inventory says of the host and its login, as arguments. Pure.
std::vector<std::string> openssh_login_arguments(const std::string& program,
                                                 const HostTarget& host,
                                                 const LinkOptions& options);
/// All arguments of a connection that runs `command`. Pure. `config` is what ssh_config says of the
/// host.
std::vector<std::string> openssh_arguments(const std::string& program,
                                           const HostTarget& host,
                                           const LinkOptions& options,
                                           const SshConfig& config,
                                           const std::string& command);
/// What `ssh -G` says of the host: no connection is made. LinkErrc::ssh_client when ssh_config
/// cannot be used.
Result<SshConfig> read_ssh_config(const std::string& program,
                                  const HostTarget& host,
                                  const LinkOptions& options);
/// `host` with the user and the port that ssh_config gives it where the inventory gives none.
HostTarget with_ssh_config(HostTarget host, const SshConfig& config);

class OpensshSession final : public ProcessStream {
  public:
    /// Starts ssh. Whether it gets through is told by the first read().
    static Result<std::unique_ptr<OpensshSession>> start(const std::string& program,
                                                         const HostTarget& host,
                                                         const LinkOptions& options,
                                                         const SshConfig& config,
                                                         const std::string& command);
    ~OpensshSession() override;

    Result<> write(ByteView data, Bytes& inbox, LinkDeadline deadline) override;
    Result<> read(Bytes& inbox, LinkDeadline deadline) override;
    [[nodiscard]] std::string last_words() const override { return process_->last_words(); }
    /// Of the host's command; nothing when ssh itself failed.
    [[nodiscard]] std::optional<int> exit_status() const override;
    [[nodiscard]] bool logged_in() const override { return logged_in_; }
    /// Bytes are those before encryption: ssh does not tell what the wire saw.
    [[nodiscard]] LinkCounters counters() const override { return process_->counters(); }
    void close() override { process_->close(); }

  private:
    OpensshSession(HostTarget host, SshConfig config)
        : host_(std::move(host)), config_(std::move(config)) {}
    Error explain(const Error& error) const;
    Result<> accept_replaced_key();

    HostTarget host_;
    SshConfig config_;
    std::unique_ptr<LocalProcess> process_;
    bool logged_in_ = false;
    std::string known_hosts_;  ///< the file that gets the new key of a replaced host
    std::string seen_keys_;    ///< a file of our own where ssh puts it first; empty: none
};

}  // namespace zk::ssh
