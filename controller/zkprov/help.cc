// The texts of `zkprov help TOPIC`; the pages on commands come from the table (commands.cc).
#include "zkprov/help.h"

#include <fmt/core.h>

#include "base/numbers.h"
#include "ensemble/config_keys.h"
#include "inventory/section.h"
#include "playbook/builtin.h"

namespace zk::zkprov {
namespace {

constexpr std::string_view kInventory =
    R"(An inventory, all keys (the first four are needed; the rest shows the defaults):

  schema: zkprov/1
  cluster: demo                            # small letters, digits, '-'
  nodes:
    - { id: 1-3, host: "192.168.6.[137-139]" }   # or one line per node; also names, "fd00::[137-139]"

  transport: ssh                           # or local: all nodes on this machine, needs base_dir
  runtime: systemd                         # or docker: in containers, with the mapping docker below
  server:
    install_dir: /usr/local/zookeeper
    data_dir: /usr/local/zookeeper/data
    log_dir: /usr/local/zookeeper/logs
    client_port: 2181
    peer_port: 2888
    election_port: 3888
    config: { tickTime: 2000, initLimit: 10, syncLimit: 5 }   # further keys of zoo.cfg
    flavor: zkserver                       # or apache: Apache's own server, with the keys
    # tarball: apache-zookeeper-3.8.4-bin.tar.gz   # needed; 3.7 to 3.9; .sha512 beside it is read
    # sha512: 128 hex digits               # also checked
    # java: /usr/bin/java                  # on the hosts, 8 or later
    # heap: 1000m
    # jvm_flags: [-XX:+UseG1GC]
  ssh:
    user: root                             # left out: your own user name
    port: 22
    key: ~/.ssh/id_ed25519                 # or keys: [a, b]; left out: ssh-agent, then ~/.ssh/id_*
    known_hosts: ~/.ssh/known_hosts
    sudo: auto                             # auto: when the user is not root; always; never
    client: auto                           # libssh2: within zkprov; openssh: the system's ssh
    jump: ops@bastion                      # or a list; left out: none, or what ssh_config says
    config: ~/.ssh/config                  # ssh_config file; left out: those that ssh reads
  agent:
    http:                                  # the agent's read-only pages, /metrics and /healthz among them
      listen: off                          # loopback; node: the node's own address; or an IP address
      port: 9180

  # Only with runtime: docker; transport local is then the Docker host itself, and needs no base_dir.
  docker:
    image: zkserver:latest                 # needed; the official one: also server: { flavor: apache }
    # archive: zkserver.tar                # of docker save: sent to hosts that have not loaded it
    engine: /run/docker.sock               # the engine's socket; podman: /run/podman/podman.sock
    directory: /data/zookeeper/demo        # on the Docker host; a node has zk<id> in it
    restart: unless-stopped                # or always, on-failure, no
    host_port: 2181                        # of the first node; each next one has the next
    network:                               # left out: one server alone, in the engine's own
      name: demo                           # the cluster's, if left out
      driver: bridge                       # all nodes on one host; host: each on its own, no more keys
      subnet: 172.18.0.0/16                # needed for a bridge
      gateway: 172.18.0.1                  # left out: as the engine has it
  # nodes: [{ id: 1-3, host: 192.168.6.137, address: "172.18.0.[2-4]", container: "zk[1-3]" }]
  # A node may also have its own directory and host_port.

libssh2 uses the keys named above, ssh-agent and known_hosts, and is faster. The system's ssh brings
ssh_config, jump hosts, certificates, security keys, PKCS#11, GSSAPI, ControlMaster and newer
algorithms. auto takes libssh2, and ssh where libssh2 and the host have no algorithm in common, where
libssh2 cannot check the host's key, or where the inventory, ssh_config or the keys ask for more than
libssh2 knows; it says so once. GSSAPI alone does not ask: write client: openssh for it.

A node may have its own client_port, peer_port, election_port, install_dir, data_dir, log_dir,
config, agent and ssh (there also host, when the address for SSH is another one).
)";

constexpr std::string_view kPlaybook =
    R"(A recipe says which phases apply, plan or replace-node runs, in which order, and how long each may
take. What it does not name is not run. An order in which a roll would be unsafe is refused; roll needs
gather, check and plan before it and gate behind it. The run lock is in no recipe and is always taken.

  connect   one link per host
  gather    the facts of every node
  check     disk, ports, rights, identity
  plan      what changes, in which order
  push      the server's binary; without it, roll is for nodes that have it
  roll      the waves of the plan; limit_s is for the steps of one wave
  gate      waits until the ensemble is well; the gate behind roll is waited for after each wave.
            One more in front of roll lets only a healthy ensemble be changed.

Hooks run on this machine, around the waves. A list is a program and its arguments, without a shell; a
text is run by /bin/sh -c. Several for one place: a list of such entries, one after the other.

  hooks:
    before_wave: { run: [/usr/local/bin/silence, "on"], limit_s: 30 }
    before_node: { run: "drain $ZKPROV_HOST", limit_s: 60 }     # once for each node of the wave
    after_node:  { run: "undrain $ZKPROV_HOST", limit_s: 60 }   # the gate is passed
    after_wave:  { run: [/usr/local/bin/silence, "off"], limit_s: 30 }

They find ZKPROV_ENSEMBLE, ZKPROV_WAVE (from 1), ZKPROV_NODE, ZKPROV_HOST (of a wave: all, with spaces
between) and ZKPROV_HOOK (before_wave, ...) in their environment, and nothing on stdin. A hook that
does not end with status 0, or not within its limit_s, stops the roll: exit 5, or 6 when no server was
touched yet. Hooks behind it are not run, so before_* must be fit to be run again.

The recipe of apply, to start from:

)";

constexpr std::string_view kExitCodes = R"(Exit codes
    0  done, or nothing to change; status: healthy
    2  plan --exit-code: there is something to change
    3  usage or inventory invalid
    4  a host does not answer; nothing was changed anywhere
    5  some nodes were changed, then something failed; run the command again
    6  a check before the first change failed; nothing was changed
    7  another zkprov changes the ensemble right now, or took it over from this one
    8  refused: the ensemble would lose its quorum or its data
    9  the ensemble did not become healthy in time
   10  host key or login
   20  status: serving, but not all is well
   21  status: no leader with a quorum
   22  status: too few nodes answered to say; events: none did
  130  interrupted
)";

constexpr std::string_view kEnv = R"(Environment
  ZKPROV_INVENTORY     the inventory, when none is named
  ZKPROV_RELEASE_DIR   where zkserver and zkprov-agent are
  SSH_AUTH_SOCK        ssh-agent
  NO_COLOR, CLICOLOR_FORCE
Hooks of a recipe are given more: zkprov help playbook
)";

/// What counts where the inventory does not hold the key: "60", "0 (no limit)"; of "-1 (2 ticks)" only what it means, where
/// an inventory may not say -1.
std::string_view counts_without(const ensemble::ConfigKey& key) {
    if (!key.zkprov_writes.empty()) return key.zkprov_writes;
    const std::size_t open = key.standard.find(" (");
    if (open == std::string_view::npos) return key.standard;
    const auto number = parse_number(key.standard.substr(0, open));
    if (number && key.inventory.holds(*number)) return key.standard;
    return key.standard.substr(open + 2, key.standard.size() - open - 3);
}

/// The keys of zoo.cfg that an inventory may hold, from the table that the inventory is checked with.
std::string config_help() {
    std::string text =
        "\nKeys of config, with the values that are taken and the one that counts without it:\n\n";
    for (const ensemble::ConfigKey* key : ensemble::config_keys()) {
        if (key->set_by != ensemble::SetBy::user) continue;
        const std::string values =
            key->standing == ensemble::Standing::refused ? std::string(key->feature->off)
            : key->type == ensemble::KeyType::number     ? to_string(key->inventory)
                                                         : std::string(to_string(key->type));
        text += fmt::format(
            "  {:<36} {:<18} {:<26} {}\n", key->name, values, key->unit, counts_without(*key));
    }
    return text +
           "\ndocs/CONFIG.md lists all keys of a zoo.cfg, also those that are refused, and why.\n";
}

}  // namespace

std::string inventory_help() { return std::string(kInventory) + config_help(); }
std::string playbook_help() {
    return std::string(kPlaybook) + std::string(playbook::kBuiltins.front().text);
}
std::string exit_codes_help() { return std::string(kExitCodes); }
std::string env_help() { return std::string(kEnv); }

}  // namespace zk::zkprov
