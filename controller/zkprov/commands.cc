// The table of zkprov's command line: what help, parsing and completion go by.
#include "zkprov/help.h"
#include "zkprov/options.h"

namespace zk::zkprov {
namespace {

using command_line::Command;
using command_line::Operand;
using command_line::Option;
using command_line::Program;
using command_line::Repeat;
using command_line::Topic;
using command_line::Type;
using Names = std::vector<std::string_view>;

/// The commands that read an inventory and go to its hosts.
const Names kOnHosts = {"apply",
                        "plan",
                        "status",
                        "events",
                        "logs",
                        "ui",
                        "replace-node",
                        "migrate",
                        "start",
                        "stop",
                        "wipe",
                        "destroy",
                        "lock show",
                        "lock break"};

Names on_hosts_and(std::initializer_list<std::string_view> others) {
    Names names = kOnHosts;
    names.insert(names.end(), others);
    return names;
}

Operand inventory() {
    return {.name = "INVENTORY",
            .meaning = "the inventory, as with --inventory",
            .type = Type::file,
            .least = 0};
}

std::vector<Command> changing_commands() {
    return {
        {.name = "apply",
         .meaning = "make the hosts what the inventory says; changes nothing twice",
         .help =
             R"(Makes the user, directories, binaries, zoo.cfg, myid and units of each node, starts every server and
waits until a leader is elected, the followers are in sync and a probe write has committed. A running
ensemble is changed one node at a time, the leader last, and never below a quorum of servers in
sync. If it ends midway, run it again: each node goes on where it was.
)",
         .operands = {inventory()},
         .examples = {"zkprov apply inventory.yaml", "zkprov apply --yes --lock-timeout 10m"}},
        {.name = "plan",
         .meaning = "print what apply would do",
         .help = "Looks at the same things in the same way as apply, and changes nothing.\n",
         .operands = {inventory()},
         .examples = {"zkprov plan inventory.yaml", "zkprov plan --exit-code -o json"}},
        {.name = "replace-node",
         .meaning = "bring back a server on its wiped host, the others keep serving",
         .help =
             R"(The host was installed anew at the same address. Refuses where the others have no quorum without
it. The empty server may not vote until it has synchronised.
)",
         .operands = {{.name = "NODE", .meaning = "the node's id"}, inventory()},
         .examples = {"zkprov replace-node 2", "zkprov replace-node 2 --accept-new-host-keys"}},
        {.name = "migrate",
         .meaning = "from Apache's server to ours, or back, under those who use it",
         .help =
             R"(The inventory says which server (server.flavor; of containers also docker.image), and --to says it
once more. Node by node, followers first, the leader last: the old server is stopped, a verified copy of
its data is kept beside them, and the new one goes on with the same data; the next node follows when it
is in sync and has committed a write. A node whose new server does not come up gets its old one again,
and the run ends with 9. What may not be moved is refused before anything is changed. Two sessions of
zkprov's own write and watch meanwhile; at the end it tells what they lost (nothing), and the longest
gap. If it is cut off, run it again: it goes on. The copies stay until you remove them.
)",
         .operands = {inventory()},
         .examples = {"zkprov migrate --to zkserver --dry-run",
                      "zkprov migrate --to apache --yes"}},
        {.name = "start",
         .meaning = "start all servers of the inventory",
         .help = "A server that runs is left alone.\n",
         .operands = {inventory()},
         .examples = {"zkprov start"}},
        {.name = "stop",
         .meaning = "stop all servers of the inventory",
         .help = "Asks nothing. Their data stays, and zkprov start brings them back.\n",
         .operands = {inventory()},
         .examples = {"zkprov stop"}},
        {.name = "wipe",
         .meaning = "stop a server and move its data and logs away on its host",
         .help =
             R"(Nothing is deleted: the directories are renamed to a quarantine beside them. Asks for the cluster's
name. Refuses where the others would have no synchronised majority without it. Afterwards
zkprov replace-node brings the node back.
)",
         .operands = {{.name = "NODE", .meaning = "the node's id"}, inventory()},
         .examples = {"zkprov wipe 2", "zkprov wipe 2 --confirm demo"}},
        {.name = "destroy",
         .meaning = "take the ensemble away from its hosts; its data stay unless told otherwise",
         .help =
             R"(Stops the servers, the leader last, and removes what zkprov installed: units, containers, their network,
programs, zoo.cfg, the agents and their records, and the account where zkprov made it. What goes is what
each agent recorded, and it has to be what the inventory says. Asks for the ensemble's name.

Data and logs stay, and zkprov apply takes them up again. --delete-data deletes them, but not where a
directory holds something that no server wrote there, or is another node's. What zkprov did not install
stays. What stays is told at the end. All hosts have to answer, or --skip-unreachable leaves those that
do not as they are. If it ends midway, run it again.
)",
         .operands = {inventory()},
         .examples = {"zkprov destroy --dry-run",
                      "zkprov destroy --confirm demo",
                      "zkprov destroy --delete-data --skip-unreachable"}},
    };
}

std::vector<Command> looking_commands() {
    return {
        {.name = "status",
         .meaning = "who leads, who follows, who is ill",
         .help =
             R"(Asks the agent of each node. The exit code is the verdict: 0 healthy, 20 serving but not all is
well, 21 no leader with a quorum, 22 too few nodes answered to say. With --watch it looks again and
again until Ctrl-C, on a terminal in place, and ends with the last verdict.
)",
         .operands = {inventory()},
         .examples = {"zkprov status", "zkprov status -o json", "zkprov status -w"}},
        {.name = "events",
         .meaning = "elections: who left when, and why that server was elected",
         .help =
             R"(Asks each node what its server saw of its last eight elections since it started, and what its agent
saw and kept: changes of its role with their causes, the time without a leader, and the votes of
elections that the server has forgotten. --explain tells the last election that was decided: which
votes were cast, whose word changed them and by which rule, when a majority stood, how long it took.
Nodes that do not tell are named: a server that is down, or Apache's. Exit: 0, or 22 when no node
answered.
)",
         .operands = {inventory()},
         .examples = {"zkprov events --since 1h", "zkprov events --explain"}},
        {.name = "logs",
         .meaning = "what a node's server wrote last, and what it writes",
         .help =
             R"(Prints the end of the log of one node's server, or with --agent of its agent, from where it is kept:
the journal of its unit, the file of a server that runs without systemd, the Docker engine of its
container. With --follow it goes on until Ctrl-C or the end of --timeout, through rotations of the log
and restarts of the server. A time that the line does not begin with itself is put in front. With
-o json each line is an object of its own. Control characters are shown as '?'. Changes nothing.
)",
         .operands = {{.name = "NODE", .meaning = "the node's id"}, inventory()},
         .examples = {"zkprov logs 2", "zkprov logs 2 -n 500 -f", "zkprov logs 2 --agent -o json"}},
        {.name = "ui",
         .meaning = "the agents' web page in a browser here, over the link to a node",
         .help =
             R"(Prints an address of this machine's loopback at which a browser finds the page that shows the whole
ensemble, live, until Ctrl-C. What it shows comes over the same connection as all else from one node's
agent, which need not listen for HTTP. Whoever may open connections on this machine may read it.
)",
         .operands = {inventory()},
         .examples = {"zkprov ui", "zkprov ui --node 2 --port 9180"}},
        {.name = "lock show",
         .meaning = "who changes the ensemble right now, from where and since when",
         .help = "One run at a time changes an ensemble; it holds a lock on all nodes meanwhile.\n",
         .operands = {inventory()},
         .examples = {"zkprov lock show"}},
        {.name = "lock break",
         .meaning = "take the lock away from the run that holds it",
         .help =
             R"(For a run that lives and should not go on: it can change nothing more after its present step. The
lock of a run that was killed is free at once, that of one that hangs after 12 s.
)",
         .operands = {inventory()},
         .examples = {"zkprov lock break", "zkprov lock break --confirm demo"}},
        {.name = "version", .meaning = "print the version", .examples = {"zkprov version"}},
        {.name = "help",
         .meaning = "tell about a command or a topic",
         .operands = {{.name = "TOPIC",
                       .meaning = "a command, or a topic; left out: all of them",
                       .least = 0,
                       .most = 2}},
         .examples = {"zkprov help lock break", "zkprov help inventory"}},
        {.name = "completion",
         .meaning = "print what a shell needs to complete these commands",
         .help =
             R"(bash: put   source <(zkprov completion bash)   into ~/.bashrc
zsh:  put   source <(zkprov completion zsh)    into ~/.zshrc, behind compinit
fish: zkprov completion fish > ~/.config/fish/completions/zkprov.fish
)",
         .operands = {{.name = "SHELL",
                       .meaning = "the shell",
                       .type = Type::choice,
                       .choices = {"bash", "zsh", "fish"}}},
         .examples = {"zkprov completion bash"}},
    };
}

std::vector<Command> taking_commands() {
    return {
        {.name = "import",
         .meaning = "print the inventory of an ensemble that exists",
         .help =
             R"(Looks at the ZooKeeper servers that run on the hosts, whoever installed them: Apache's, by hand or
from a package, or zkprov's own. Asks their processes, files and systemd, and prints the inventory
that describes them, with what it cannot express as comments. Changes nothing on the hosts, but that
the agent's program is put there, as by every command. Asks the Docker engine, too: containers of the
official image, or of zkprov's, become an inventory with runtime: docker.

All hosts of the ensemble have to be named. Refuses servers that would not serve under zkprov as they
do now: observers, TLS, SASL, members changed by reconfig, several servers on one host, containers
whose data are in no directory of the host.

Afterwards: zkprov plan says what would be added. zkprov apply --adopt adds it and restarts no server.
zkprov apply --take-over then restarts the servers under zkprov's unit, one by one, or puts zkprov's
own containers in the place of those that it did not make, which stay, stopped.
)",
         .operands = {{.name = "HOST",
                       .meaning = "the hosts' addresses or names, also as a range",
                       .most = 255}},
         .examples =
             {"zkprov import 192.168.6.[137-139] >inventory.yaml",
              "zkprov import zk1 zk2 zk3 --user ops --cluster demo",
              "zkprov import 192.168.6.137 --container zk1 --container zk2 --container zk3"}},
    };
}

/// For hosts that no zkprov reaches.
std::vector<Command> unattended_commands() {
    return {
        {.name = "bundle",
         .meaning = "write one file with the programs, for hosts that no zkprov reaches",
         .help =
             R"(A tar of zkprov-agent, zkserver, install.sh and SHA256SUMS. Unpacked anywhere, `sh install.sh` checks
the checksums and puts both programs into /usr/local/lib/zkprov, or into the directory that it is
given. The same programs give the same bytes. Prints the file's SHA-256.
)",
         .operands = {{.name = "FILE", .meaning = "the file to write", .type = Type::file}},
         .examples = {"zkprov bundle zkprov.tar"}},
        {.name = "cloud-init",
         .meaning = "print user-data with which hosts become the ensemble on their first boot",
         .help =
             R"(The same text for all nodes of the inventory: each finds out by its addresses which one it is. With
--node it is for that one only, as hosts behind NAT need it. The programs come from exactly one of

  --image PATH               a file of zkprov bundle that the hosts' image holds
  --url URL --sha256 HEX     such a file, fetched with curl or wget and then checked
  --embed                    the user-data itself; for clouds that take some megabytes

Nodes ask each other's agents, so the inventory needs agent: {http: {listen: node}}. The text holds
no secret, and nothing of how to log in. On the host zkprov-join.service joins at each boot until the
node serves. cloud-init waits for that as long as --wait says and takes its exit code: 0 the node
serves, 1 it refuses or failed, 3 still under way. The rest: docs/OPERATIONS.md, "Unattended: cloud-init".
)",
         .operands = {inventory()},
         .examples = {"zkprov cloud-init --image /opt/zkprov.tar >user-data",
                      "zkprov cloud-init --embed --node 2 >user-data-2"}},
        {.name = "compose",
         .meaning = "print a compose file of the containers that apply makes",
         .help =
             R"(For inventories with runtime: docker. The file and apply are made of the same values: image, user,
network with fixed addresses, ports, directories, environment, labels, restart policy. The directories
themselves, zoo.cfg and the formation of the ensemble are apply's. Nodes on several Docker hosts need a
file each: --node. Goes to no host.
)",
         .operands = {inventory()},
         .examples = {"zkprov compose inventory.yaml >compose.yaml"}},
    };
}

std::vector<Option> what_and_how() {
    return {
        {.name = "inventory",
         .letter = 'i',
         .type = Type::file,
         .value = "FILE",
         .meaning = "the inventory, also as a plain word; - is standard input",
         .standard = "inventory.yaml",
         .environment = "ZKPROV_INVENTORY",
         .repeat = Repeat::refused,
         .commands = on_hosts_and({"cloud-init", "compose"})},
        {.name = "output",
         .letter = 'o',
         .type = Type::choice,
         .meaning = "for people, or one JSON document",
         .choices = {"table", "json"},
         .later_choices = {"yaml", "jsonl", "wide"},
         .standard = "table"},
        {.name = "explain",
         .meaning = "the last election in words, instead of a table",
         .commands = {"events"}},
        {.name = "since",
         .type = Type::duration,
         .value = "1h",
         .meaning = "only what is not older",
         .commands = {"events"}},
        {.name = "lines",
         .letter = 'n',
         .type = Type::number,
         .value = "N",
         .meaning = "so many of the last lines",
         .least = 0,
         .most = agent_api::kLogLinesMax,
         .standard = "100",
         .commands = {"logs"}},
        {.name = "follow",
         .letter = 'f',
         .meaning = "go on with what is written, until Ctrl-C",
         .commands = {"logs"}},
        {.name = "agent",
         .meaning = "the log of the node's agent, instead of its server's",
         .commands = {"logs"}},
        {.name = "watch",
         .letter = 'w',
         .meaning = "again and again, until Ctrl-C",
         .commands = {"status"}},
        {.name = "interval",
         .type = Type::duration,
         .value = "2s",
         .meaning = "with --watch: from one look to the next",
         .standard = "2s",
         .commands = {"status"}},
        {.name = "node",
         .type = Type::number,
         .value = "N",
         .meaning = "this one only: whose agent is asked, for whom the user-data or the file is",
         .least = 1,
         .most = 255,
         .otherwise = "the first that answers; all",
         .commands = {"ui", "cloud-init", "compose"}},
        {.name = "port",
         .type = Type::number,
         .value = "PORT",
         .meaning = "of this machine",
         .least = 1,
         .most = 65535,
         .otherwise = "any free one",
         .commands = {"ui"}},
        {.name = "yes",
         .letter = 'y',
         .meaning = "answer yes to the questions of this command",
         .commands = {"apply", "replace-node", "migrate", "stop"}},
        {.name = "to",
         .type = Type::choice,
         .meaning = "whose server the ensemble is to have; the inventory has to say the same",
         .choices = {"zkserver", "apache"},
         .commands = {"migrate"}},
        {.name = "dry-run",
         .meaning = "only say what would be done, and what would keep it from being done",
         .commands = {"migrate", "destroy"}},
        {.name = "confirm",
         .type = Type::text,
         .value = "NAME",
         .meaning = "the cluster's name, instead of the question",
         .commands = {"lock break", "wipe", "destroy"}},
        {.name = "delete-data",
         .meaning = "also the servers' data and logs; nothing brings them back",
         .commands = {"destroy"}},
        {.name = "skip-unreachable",
         .meaning = "leave hosts as they are that cannot be reached",
         .commands = {"destroy"}},
        {.name = "accept-quorum-loss",
         .meaning = "also when the other servers cannot serve without this one",
         .commands = {"wipe"}},
        {.name = "playbook",
         .type = Type::file,
         .value = "FILE",
         .meaning = "another recipe than the built-in one",
         .commands = {"apply", "plan", "replace-node", "migrate"}},
        {.name = "exit-code",
         .meaning = "end with 2 when there is something to change",
         .commands = {"plan"}},
    };
}

std::vector<Option> of_import() {
    return {
        {.name = "adopt",
         .meaning =
             "take in servers that run already from the nodes' directories, without a restart",
         .commands = {"apply"}},
        {.name = "take-over",
         .meaning = "restart those that were taken in, one by one, under zkprov's unit or in its "
                    "containers",
         .commands = {"apply", "plan"}},
        {.name = "user",
         .type = Type::text,
         .value = "NAME",
         .meaning = "log in as this user",
         .otherwise = "your own name",
         .commands = {"import"}},
        {.name = "key",
         .type = Type::file,
         .value = "FILE",
         .meaning = "log in with this private key",
         .otherwise = "the agent's, and those in ~/.ssh",
         .repeat = Repeat::collects,
         .commands = {"import"}},
        {.name = "known-hosts",
         .type = Type::file,
         .value = "FILE",
         .meaning = "the hosts' keys",
         .otherwise = "~/.ssh/known_hosts",
         .commands = {"import"}},
        {.name = "ssh-port",
         .type = Type::number,
         .value = "PORT",
         .meaning = "of the hosts' sshd",
         .least = 1,
         .most = 65535,
         .otherwise = "22",
         .commands = {"import"}},
        {.name = "jump",
         .type = Type::text,
         .value = "HOST",
         .meaning = "by way of this host: [user@]host[:port]",
         .commands = {"import"}},
        {.name = "ssh-config",
         .type = Type::file,
         .value = "FILE",
         .meaning = "the ssh_config that the system's ssh reads",
         .commands = {"import"}},
        {.name = "cluster",
         .type = Type::text,
         .value = "NAME",
         .meaning = "what the inventory calls the ensemble",
         .otherwise = "zookeeper",
         .commands = {"import"}},
        {.name = "tarball",
         .type = Type::file,
         .value = "FILE",
         .meaning = "the release of Apache's server, as the inventory names it",
         .commands = {"import"}},
        {.name = "engine",
         .type = Type::text,
         .value = "SOCKET",
         .meaning = "of the Docker engine on the hosts, such as /run/podman/podman.sock",
         .otherwise = "/run/docker.sock, if there is one",
         .commands = {"import"}},
        {.name = "container",
         .type = Type::text,
         .value = "NAME",
         .meaning = "only this container",
         .otherwise = "all that run a server",
         .repeat = Repeat::collects,
         .commands = {"import"}},
    };
}

std::vector<Option> of_unattended() {
    return {
        {.name = "image",
         .type = Type::file,
         .value = "PATH",
         .meaning = "the bundle lies there in the hosts' image",
         .commands = {"cloud-init"}},
        {.name = "url",
         .type = Type::text,
         .value = "URL",
         .meaning = "the hosts fetch the bundle from there (http or https); needs --sha256",
         .commands = {"cloud-init"}},
        {.name = "embed",
         .meaning = "the user-data holds the bundle; made of --release-dir",
         .commands = {"cloud-init"}},
        {.name = "sha256",
         .type = Type::text,
         .value = "HEX",
         .meaning = "of the bundle, as zkprov bundle prints it",
         .commands = {"cloud-init"}},
        {.name = "generic",
         .meaning = "the same user-data for all nodes; also without this word",
         .commands = {"cloud-init"}},
        {.name = "wait",
         .type = Type::duration,
         .value = "10m",
         .meaning = "so long cloud-init waits for the node to join; it goes on joining afterwards",
         .standard = "10m",
         .commands = {"cloud-init"}},
        {.name = "phone-home",
         .type = Type::text,
         .value = "URL",
         .meaning = "each node sends its report there (POST, JSON) when its joining has ended",
         .commands = {"cloud-init"}},
    };
}

std::vector<Option> times_and_links() {
    return {
        {.name = "timeout",
         .type = Type::duration,
         .value = "5m",
         .meaning = "for the whole command",
         .commands = on_hosts_and({"import"})},
        {.name = "connect-timeout",
         .type = Type::duration,
         .value = "5s",
         .meaning = "for the connection to each host",
         .standard = "5s",
         .commands = on_hosts_and({"import"})},
        {.name = "lock-timeout",
         .type = Type::duration,
         .value = "10m",
         .meaning = "wait so long for another run that changes the ensemble",
         .commands = {"apply", "replace-node", "migrate", "start", "stop", "wipe", "destroy"}},
        {.name = "ssh-client",
         .type = Type::choice,
         .value = "NAME",
         .meaning = "instead of ssh.client in the inventory",
         .choices = {"auto", "libssh2", "openssh"},
         .commands = on_hosts_and({"import"})},
        {.name = "accept-new-host-keys",
         .meaning =
             "write keys of hosts never seen before to known_hosts; for replace-node also the "
             "new key of the replaced host",
         .commands = on_hosts_and({"import"})},
        {.name = "release-dir",
         .type = Type::directory,
         .value = "DIR",
         .meaning = "where zkserver and zkprov-agent are",
         .environment = "ZKPROV_RELEASE_DIR",
         .otherwise = "beside zkprov",
         .commands = on_hosts_and({"import", "bundle", "cloud-init"})},
        {.name = "stats",
         .meaning = "bytes, connections and channels of each host",
         .commands = {"apply", "plan", "replace-node", "migrate", "status"}},
        {.name = "verbose",
         .letter = 'v',
         .meaning = "the same as --stats, and every step",
         .commands = {"apply", "plan", "replace-node", "migrate", "status"}},
        {.name = "color",
         .alias = "colour",
         .type = Type::choice,
         .meaning = "auto: on a terminal, unless NO_COLOR is set",
         .choices = {"auto", "always", "never"},
         .otherwise = "auto"},
    };
}

template <class Row>
std::vector<Row> together(std::vector<Row> first, const std::vector<Row>& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

}  // namespace

const Program& program() {
    static const Program kProgram = {
        .name = "zkprov",
        .meaning = "brings up and looks after ZooKeeper ensembles.",
        .commands = together(
            together(together(changing_commands(), taking_commands()), unattended_commands()),
            looking_commands()),
        .options = together(together(together(what_and_how(), of_import()), of_unattended()),
                            times_and_links()),
        .topics = {{"inventory", "all keys of an inventory, and those of zoo.cfg", inventory_help},
                   {"playbook", "recipes: which phases run, and hooks around them", playbook_help},
                   {"exit-codes", "how commands end", exit_codes_help},
                   {"env", "variables of the environment", env_help}},
        .later_commands =
            {"init", "check", "upgrade", "rollback", "scale-out", "scale-in", "backup"},
    };
    return kProgram;
}

}  // namespace zk::zkprov
