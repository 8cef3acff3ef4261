#include "zkprov/options.h"

#include <algorithm>
#include <array>

#include "command_line/help.h"
#include "command_line/parse.h"
#include "inventory/ranges.h"

namespace zk::zkprov {
namespace {

using command_line::Asked;
using command_line::Parsed;

struct VerbName {
    std::string_view name;
    Verb verb;
};
/// By the first word of a command.
constexpr std::array<VerbName, 20> kVerbs = {{
    {"apply", Verb::apply},
    {"plan", Verb::plan},
    {"status", Verb::status},
    {"events", Verb::events},
    {"logs", Verb::logs},
    {"ui", Verb::ui},
    {"replace-node", Verb::replace_node},
    {"migrate", Verb::migrate},
    {"start", Verb::start},
    {"stop", Verb::stop},
    {"wipe", Verb::wipe},
    {"destroy", Verb::destroy},
    {"lock", Verb::lock},
    {"import", Verb::import_hosts},
    {"bundle", Verb::bundle},
    {"cloud-init", Verb::cloud_init},
    {"compose", Verb::compose},
    {"version", Verb::version},
    {"help", Verb::help},
    {"completion", Verb::completion},
}};

Error usage(const std::string& words) { return {Errc::invalid, words}; }

Verb verb_of(std::string_view command) {
    const auto found =
        std::ranges::find(kVerbs, command.substr(0, command.find(' ')), &VerbName::name);
    return found == kVerbs.end() ? Verb::help : found->verb;
}

Colour colour_of(const Parsed& parsed, const Environment& environment) {
    const std::string given = parsed.text("color");
    if (given == "always") return Colour::always;
    if (given == "never") return Colour::never;
    if (given == "auto") return Colour::automatic;
    if (environment.force_color) return Colour::always;
    return environment.no_color ? Colour::never : Colour::automatic;
}

command_line::Shell shell_named(const std::string& name) {
    if (name == "zsh") return command_line::Shell::zsh;
    return name == "fish" ? command_line::Shell::fish : command_line::Shell::bash;
}

Result<ServerId> read_node(std::string_view verb, const std::string& word) {
    const auto ids = inventory::expand_ids(word);
    if (!ids) return usage(std::string(verb) + ": the id " + ids.error().words);
    if (ids->size() == 1) return ids->front();
    return usage(std::string(verb) + " takes one node at a time" +
                 (verb == to_string(Verb::logs) ? "" : ": with more, a quorum could be lost"));
}

/// By the operand, or by -i, the environment and so on.
Result<std::string> read_inventory_name(const Parsed& parsed) {
    const std::string operand = parsed.operand("INVENTORY");
    const std::string option = parsed.text("inventory");
    if (operand.empty()) return option;
    if (!parsed.given("inventory")) return operand;
    return usage("two inventories are given (" + option + ", " + operand +
                 "); this version reads one");
}

/// Where the programs of hosts come from that no zkprov reaches.
Result<> check_programs(const Options& options) {
    const int sources =
        (options.image.empty() ? 0 : 1) + (options.url.empty() ? 0 : 1) + (options.embed ? 1 : 0);
    if (sources != 1) {
        return usage(
            (sources == 0 ? "cloud-init needs to know where the hosts get their programs from"
                          : "cloud-init takes the programs from one place") +
            std::string(": --image PATH (a file of zkprov bundle in their image), --url URL "
                        "--sha256 HEX (fetched) or --embed (within the user-data)"));
    }
    if (!options.url.empty() && options.sha256.empty()) {
        return usage(
            "--url needs --sha256 HEX, so that nobody runs what somebody else put there: zkprov "
            "bundle FILE prints it, and so does sha256sum FILE");
    }
    if (options.embed && !options.sha256.empty()) {
        return usage("--sha256 is for --url and --image; with --embed the bundle is made anew");
    }
    return ok();
}

Result<Options> read_cloud_init(const Parsed& parsed, Options options) {
    if (parsed.given("node") && parsed.flag("generic")) {
        return usage("--generic is for all nodes and --node for one; write one of them");
    }
    options.image = parsed.text("image");
    options.url = parsed.text("url");
    options.embed = parsed.flag("embed");
    options.sha256 = parsed.text("sha256");
    options.phone_home = parsed.text("phone-home");
    options.wait = parsed.duration("wait");
    ZK_CHECK(check_programs(options));
    return options;
}

Result<Options> read_import(const Parsed& parsed, Options options) {
    options.hosts = parsed.operands("HOST");
    options.user = parsed.text("user");
    for (const command_line::Value& key : parsed.all("key")) options.keys.push_back(key.text);
    options.known_hosts = parsed.text("known-hosts");
    if (parsed.has("ssh-port")) {
        options.ssh_port = static_cast<std::uint16_t>(parsed.number("ssh-port"));
    }
    options.jump = parsed.text("jump");
    options.ssh_config = parsed.text("ssh-config");
    options.cluster = parsed.text("cluster");
    options.tarball = parsed.text("tarball");
    options.engine = parsed.text("engine");
    if (!options.engine.empty() && !options.engine.starts_with('/')) {
        return Error(
            Errc::invalid,
            "--engine must be the absolute path of a socket on the hosts, found " + options.engine);
    }
    for (const command_line::Value& name : parsed.all("container")) {
        options.containers.push_back(name.text);
    }
    return options;
}

Result<Options> read_options(const Parsed& parsed, Options options) {
    options.verb = verb_of(parsed.command->name);
    if (options.verb == Verb::lock) {
        const bool breaks = parsed.command->name == "lock break";
        options.lock_verb = breaks ? LockVerb::revoke : LockVerb::show;
    }
    if (options.verb == Verb::completion) options.shell = shell_named(parsed.operand("SHELL"));
    if (options.verb == Verb::replace_node || options.verb == Verb::wipe ||
        options.verb == Verb::logs) {
        ZK_TRY(options.node, read_node(to_string(options.verb), parsed.operand("NODE")));
    }
    if (options.verb == Verb::cloud_init) {
        ZK_TRY(options, read_cloud_init(parsed, std::move(options)));
    }
    if (options.verb == Verb::import_hosts) {
        ZK_TRY(options, read_import(parsed, std::move(options)));
    }
    options.adopt = parsed.flag("adopt");
    options.take_over = parsed.flag("take-over");
    if (parsed.has("node")) options.node = ServerId(parsed.number("node"));
    if (parsed.has("port")) options.port = static_cast<std::uint16_t>(parsed.number("port"));
    if (options.verb == Verb::bundle) options.bundle_file = parsed.operand("FILE");
    ZK_TRY(options.inventory_file, read_inventory_name(parsed));
    options.confirm = parsed.text("confirm");
    options.accept_quorum_loss = parsed.flag("accept-quorum-loss");
    options.delete_data = parsed.flag("delete-data");
    options.skip_unreachable = parsed.flag("skip-unreachable");
    options.yes = parsed.flag("yes");
    options.dry_run = parsed.flag("dry-run");
    if (options.verb == Verb::migrate) {
        if (!parsed.given("to")) {
            return usage(
                "migrate needs --to zkserver or --to apache: whose server the inventory asks for, "
                "so that nobody moves an ensemble by an inventory alone");
        }
        options.to =
            parsed.text("to") == "apache" ? agent_api::Flavor::apache : agent_api::Flavor::zkserver;
    }
    options.exit_code = parsed.flag("exit-code");
    options.explain = parsed.flag("explain");
    if (parsed.has("since")) options.since = parsed.duration("since");
    if (parsed.has("lines")) options.lines = parsed.number("lines");
    options.follow = parsed.flag("follow");
    options.of_agent = parsed.flag("agent");
    options.watch = parsed.flag("watch");
    if (parsed.has("interval")) options.interval = parsed.duration("interval");
    options.accept_new_host_keys = parsed.flag("accept-new-host-keys");
    options.stats = parsed.flag("stats");
    options.verbose = parsed.flag("verbose");
    options.playbook_file = parsed.text("playbook");
    if (options.playbook_file == "-") return usage("--playbook needs a file, not standard input");
    options.release_dir = parsed.text("release-dir");
    if (parsed.has("timeout")) options.timeout = parsed.duration("timeout");
    if (parsed.has("connect-timeout")) {
        options.connect_timeout = parsed.duration("connect-timeout");
    }
    if (parsed.has("lock-timeout")) options.lock_timeout = parsed.duration("lock-timeout");
    options.ssh_client = inventory::ssh_client_named(parsed.text("ssh-client"));
    return options;
}

}  // namespace

std::string_view to_string(Verb verb) {
    return std::ranges::find(kVerbs, verb, &VerbName::verb)->name;
}

std::string command_word(const std::vector<std::string>& words) {
    return command_line::command_word(program(), words);
}

bool wants_json(const std::vector<std::string>& words) {
    return command_line::given_value(program(), words, "output") == "json";
}

Result<Options> parse_options(const std::vector<std::string>& words,
                              const Environment& environment) {
    Options options;
    if (words.empty()) return options;
    const auto variable = [&environment](std::string_view name) -> std::string {
        if (name == "ZKPROV_INVENTORY") return environment.inventory;
        return name == "ZKPROV_RELEASE_DIR" ? environment.release_dir : "";
    };
    ZK_TRY(const Parsed parsed, command_line::parse(program(), words, variable));
    options.colour = colour_of(parsed, environment);
    options.output = parsed.text("output") == "json" ? Output::json : Output::table;
    if (parsed.asked == Asked::help) {
        options.help_topic = parsed.topic;
        return options;
    }
    return read_options(parsed, std::move(options));
}

Result<std::string> help_text(std::string_view topic) {
    return command_line::help(program(), topic);
}

}  // namespace zk::zkprov
