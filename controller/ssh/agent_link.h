// One link to the agent of one node: over SSH (one connection, one exec channel) or over a local
// pipe. Shell. Blocking calls with deadlines on the caller's thread; a link belongs to one thread
// at a time, links of different hosts are independent. The first open() in a process makes SIGPIPE
// ignored. The dialogue before the first frame is in ssh/bootstrap.h, the frames are those of
// agent_api/link.h.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent_api/link.h"
#include "base/bytes.h"
#include "ssh/link_error.h"

namespace zk::ssh {

using LinkDeadline = std::chrono::steady_clock::time_point;
inline LinkDeadline deadline_in(std::chrono::milliseconds wait) {
    return std::chrono::steady_clock::now() + wait;
}

/// Where a node is and as whom to log in.
struct HostTarget {
    std::string name;     ///< how messages call the host, for example "node 2 (192.168.6.138)"
    std::string address;  ///< IP address or host name
    std::uint16_t port = 22;
    std::string user = "root";
    /// Whether the two above are the inventory's word. If not, what ssh_config says comes first.
    bool port_given = true;
    bool user_given = true;
    std::string jump;  ///< jump hosts as `ssh -J` takes them; empty: none. Only openssh knows them.
    bool sudo = false;  ///< become root by `sudo -n`; has no effect when `user` is root
    /// Accept a host key other than the known one and replace the entry in known_hosts: for a host
    /// that is known to have been replaced. Also accepts an unknown one. Never set this for a whole
    /// inventory.
    bool replace_host_key = false;
};

enum class NewHostKeys { refuse, accept };

/// Who speaks SSH: libssh2 within this process (fast), or the system's `ssh` as a child process,
/// with all that it and ~/.ssh/config know. `automatic` takes libssh2 where that is enough.
enum class SshClient { automatic, libssh2, openssh };

/// What is the same for all hosts of a run.
struct LinkOptions {
    /// Private keys to try, in order ("~/" is understood). Empty: what ssh-agent offers, then
    /// ~/.ssh/id_ed25519, id_ecdsa and id_rsa, as far as they exist.
    std::vector<std::string> key_files;
    /// Socket of ssh-agent. Empty: none. default_agent_socket() reads SSH_AUTH_SOCK.
    std::string ssh_agent_socket;
    /// Empty: ~/.ssh/known_hosts.
    std::string known_hosts_file;
    NewHostKeys new_host_keys = NewHostKeys::refuse;
    SshClient client = SshClient::automatic;
    std::string ssh_program;      ///< path of ssh; empty: the one in PATH
    std::string ssh_config_file;  ///< for ssh -F; empty: ~/.ssh/config and /etc/ssh/ssh_config
    /// Told when `automatic` takes the system's ssh for a host, and why. Any thread.
    std::function<void(const HostTarget& host, const std::string& why)> on_openssh;
    /// The agent's binary on this machine; it is pushed when the host has another one or none.
    std::string agent_binary;
    /// Where the agent lives on the host: <remote_dir>/bin/zkprov-agent.
    std::string remote_dir = "/var/lib/zkprov";
    /// Where the agent of this link keeps its state; empty: where it does by itself.
    std::string state_dir;
    std::chrono::milliseconds connect_timeout{5000};
    std::chrono::milliseconds login_timeout{20000};  ///< key exchange, login, channel and hello
    std::chrono::milliseconds push_timeout{120000};
    /// Of the whole run: no time above reaches beyond it.
    LinkDeadline deadline = LinkDeadline::max();

    [[nodiscard]] LinkDeadline deadline_for(std::chrono::milliseconds wait) const {
        return std::min(deadline, deadline_in(wait));
    }
};
/// SSH_AUTH_SOCK, or empty.
std::string default_agent_socket();

/// What the host said of itself before the first frame. Over a local pipe only `agent_sha256` is
/// filled.
struct LinkHello {
    std::string arch;          ///< `uname -m`
    std::uint32_t uid = 0;     ///< as whom the agent runs
    std::string agent_sha256;  ///< of the agent found there, or empty
    bool pushed = false;       ///< whether this open() put the agent there
};

/// What a link has cost so far. Bytes are those on the wire: for SSH with its key exchange and
/// encryption.
struct LinkCounters {
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t frames_sent = 0;
    std::uint64_t frames_received = 0;
    std::uint32_t connections = 0;
    std::uint32_t channels = 0;
};

class AgentLink {
  public:
    virtual ~AgentLink() = default;
    AgentLink(const AgentLink&) = delete;
    AgentLink& operator=(const AgentLink&) = delete;

    /// Sends one frame; returns when it is handed to the transport. `payload` is what agent_api's
    /// to_json gives, or raw bytes for a blob_chunk. REQUIRES: payload.size() <
    /// agent_api::kFrameBytesMax.
    virtual Result<> send(agent_api::MessageType type, ByteView payload, LinkDeadline deadline) = 0;
    /// The next frame. LinkErrc::timeout at the deadline (the link stays usable), closed or
    /// agent_failed (with the agent's last words) when the other side ended, protocol when it is
    /// not a frame.
    virtual Result<agent_api::Message> receive(LinkDeadline deadline) = 0;
    [[nodiscard]] virtual const LinkHello& hello() const = 0;
    [[nodiscard]] virtual LinkCounters counters() const = 0;
    /// How messages call the other side.
    [[nodiscard]] virtual const std::string& name() const = 0;
    /// Ends the link; the resident agent and the server are not touched. Bounded to about two
    /// seconds.
    virtual void close() = 0;

  protected:
    AgentLink() = default;
};

/// Connects, checks the host key, logs in, pushes the agent when it differs, starts `zkprov-agent
/// connect --stdio`.
Result<std::unique_ptr<AgentLink>> open_ssh_link(const HostTarget& host,
                                                 const LinkOptions& options);

/// Starts `<agent_binary> connect --stdio --state-dir <state_dir>` on this machine.
struct LocalTarget {
    std::string name;  ///< how messages call the node
    std::string agent_binary;
    std::string state_dir;
};
Result<std::unique_ptr<AgentLink>> open_local_link(const LocalTarget& target);

}  // namespace zk::ssh
