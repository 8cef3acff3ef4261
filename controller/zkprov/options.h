// The command line of zkprov as a value: the table is in commands.cc, what its values mean in options.cc.
// Pure: words and environment in, options or an error out; main.cc does the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/node_log.h"
#include "agent_api/node_spec.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "command_line/completion.h"
#include "command_line/program.h"
#include "inventory/inventory.h"

namespace zk::zkprov {

enum class Verb {
    apply,
    plan,
    status,
    events,
    logs,
    ui,
    replace_node,
    migrate,
    start,
    stop,
    wipe,
    destroy,
    lock,
    import_hosts,
    bundle,
    cloud_init,
    compose,
    version,
    help,
    completion
};
enum class LockVerb { show, revoke };
/// As it is typed.
std::string_view to_string(Verb verb);
enum class Output { table, json };
enum class Colour { automatic, always, never };

struct Options {
    Verb verb = Verb::help;
    std::string inventory_file;    ///< "-": standard input
    std::optional<ServerId> node;  ///< replace-node, wipe, logs, cloud-init, ui
    LockVerb lock_verb = LockVerb::show;
    std::string confirm;  ///< lock break, wipe, destroy: the cluster's name, instead of a question
    bool accept_quorum_loss = false;  ///< wipe
    bool delete_data = false;         ///< destroy
    bool skip_unreachable = false;    ///< destroy
    Output output = Output::table;
    Colour colour = Colour::automatic;
    bool yes = false;
    agent_api::Flavor to = agent_api::Flavor::zkserver;  ///< migrate: whose server
    bool dry_run = false;               ///< migrate, destroy: only say what would be done
    bool explain = false;               ///< events
    std::optional<milliseconds> since;  ///< events: only what is not older
    bool watch = false;                 ///< status: again and again
    milliseconds interval{2000};        ///< ... so often
    std::int64_t lines = agent_api::kLogLinesStandard;  ///< logs: of its end
    bool follow = false;                                ///< logs: and what comes behind it
    bool of_agent = false;   ///< logs: the agent's instead of the server's
    std::uint16_t port = 0;  ///< ui: of this machine; 0: any free one
    bool exit_code = false;  ///< plan: 2 when there is something to change
    bool accept_new_host_keys = false;
    bool stats = false;
    bool verbose = false;
    std::string playbook_file;  ///< apply, plan, replace-node, migrate; empty: the built-in recipe
    std::string release_dir;    ///< empty: beside the program
    std::optional<milliseconds> timeout;  ///< of the whole command
    milliseconds connect_timeout{5000};
    milliseconds lock_timeout{0};                    ///< to wait for another run
    std::optional<inventory::SshClient> ssh_client;  ///< instead of the inventory's
    std::string bundle_file;                         ///< bundle: what it writes
    bool adopt = false;                              ///< apply
    bool take_over = false;                          ///< apply, plan
    // import: how hosts are reached that no inventory names, and what nobody can see there.
    std::vector<std::string> hosts;
    std::string user;
    std::vector<std::string> keys;
    std::string known_hosts;
    std::optional<std::uint16_t> ssh_port;
    std::string jump;
    std::string ssh_config;
    std::string cluster;
    std::string tarball;
    std::string engine;                   ///< its socket, on the hosts
    std::vector<std::string> containers;  ///< only these
    // cloud-init: exactly one of image, url and embed.
    std::string image;
    std::string url;
    bool embed = false;
    std::string sha256;  ///< there is one with url
    std::string phone_home;
    milliseconds wait{0};
    std::string help_topic;
    command_line::Shell shell = command_line::Shell::bash;  ///< completion
};

/// What the environment says. main.cc reads it once.
struct Environment {
    std::string inventory;     ///< ZKPROV_INVENTORY
    std::string release_dir;   ///< ZKPROV_RELEASE_DIR
    bool no_color = false;     ///< NO_COLOR is set and not empty
    bool force_color = false;  ///< CLICOLOR_FORCE is set and not "0"
};

/// The table: commands, options, pages of help.
const command_line::Program& program();
/// Reads the words after the program's name. Errors end with the command that helps.
Result<Options> parse_options(const std::vector<std::string>& words,
                              const Environment& environment);
/// Whether `-o json` is among the words, so that even a usage error can be one JSON document.
bool wants_json(const std::vector<std::string>& words);
/// The command among the words, for the report of a wrong command line: the first that is neither
/// an option nor an option's value; may be empty.
std::string command_word(const std::vector<std::string>& words);
/// The text of `zkprov help [topic]`. Errors: no such topic.
Result<std::string> help_text(std::string_view topic);

}  // namespace zk::zkprov
