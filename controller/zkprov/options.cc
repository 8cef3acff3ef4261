#include "zkprov/options.h"

#include <algorithm>
#include <array>
#include <functional>

#include "base/numbers.h"
#include "inventory/ranges.h"
#include "inventory/section.h"

namespace zk::zkprov {
namespace {

struct VerbName {
    std::string_view name;
    Verb verb;
};
constexpr std::array<VerbName, 10> kVerbs = {{
    {"apply", Verb::apply},
    {"plan", Verb::plan},
    {"status", Verb::status},
    {"replace-node", Verb::replace_node},
    {"start", Verb::start},
    {"stop", Verb::stop},
    {"wipe", Verb::wipe},
    {"lock", Verb::lock},
    {"version", Verb::version},
    {"help", Verb::help},
}};
/// Verbs that come later: known, so that the message is not "did you mean".
constexpr std::array<std::string_view, 10> kLaterVerbs = {"init",
                                                          "check",
                                                          "upgrade",
                                                          "rollback",
                                                          "scale-out",
                                                          "scale-in",
                                                          "backup",
                                                          "events",
                                                          "import",
                                                          "migrate"};

Error usage(const std::string& words) { return {Errc::invalid, words}; }

std::vector<std::string> verb_names() {
    std::vector<std::string> names;
    for (const VerbName& each : kVerbs) names.emplace_back(each.name);
    return names;
}

Result<Verb> parse_verb(const std::string& word) {
    const auto found = std::ranges::find(kVerbs, word, &VerbName::name);
    if (found != kVerbs.end()) return found->verb;
    if (std::ranges::find(kLaterVerbs, word) != kLaterVerbs.end()) {
        return usage("\"" + word + "\" is not supported in this version; see: zkprov help");
    }
    const std::string meant = inventory::nearest_name(word, verb_names());
    return usage("unknown command \"" + word + "\"" +
                 (meant.empty() ? "; see: zkprov help" : "; did you mean \"" + meant + "\"?"));
}

/// One flag: its spellings, whether a value follows, and what it sets.
struct Flag {
    std::vector<std::string> names;
    bool has_value = false;
    std::function<Result<>(Options&, const std::string&)> set;
};

Result<> set_output(Options& options, const std::string& value) {
    if (value == "table")
        options.output = Output::table;
    else if (value == "json")
        options.output = Output::json;
    else if (value == "yaml" || value == "jsonl" || value == "wide")
        return usage("-o " + value + " is not supported in this version; use table or json");
    else
        return usage("-o must be table or json, found \"" + value + "\"");
    return ok();
}

Result<> set_colour(Options& options, const std::string& value) {
    if (value == "auto")
        options.colour = Colour::automatic;
    else if (value == "always")
        options.colour = Colour::always;
    else if (value == "never")
        options.colour = Colour::never;
    else
        return usage("--color must be auto, always or never, found \"" + value + "\"");
    return ok();
}

Result<> set_inventory(Options& options, const std::string& value) {
    if (!options.inventory_file.empty()) {
        return usage("two inventories are given (" + options.inventory_file + ", " + value +
                     "); this version reads one");
    }
    if (value.empty()) return usage("-i needs a file");
    options.inventory_file = value;
    return ok();
}

Result<> set_timeout(Options& options, const std::string& value) {
    ZK_TRY(const milliseconds timeout, parse_duration(value));
    options.timeout = timeout;
    return ok();
}

Result<> set_connect_timeout(Options& options, const std::string& value) {
    ZK_TRY(options.connect_timeout, parse_duration(value));
    return ok();
}

Result<> set_lock_timeout(Options& options, const std::string& value) {
    ZK_TRY(options.lock_timeout, parse_duration(value));
    return ok();
}

Result<> set_ssh_client(Options& options, const std::string& value) {
    options.ssh_client = inventory::ssh_client_named(value);
    if (options.ssh_client) return ok();
    return usage("--ssh-client must be auto, libssh2 or openssh, found \"" + value + "\"");
}

Result<> set_playbook(Options& options, const std::string& value) {
    if (value.empty() || value == "-") return usage("--playbook needs a file");
    options.playbook_file = value;
    return ok();
}

/// A flag without a value.
auto turn_on(bool Options::*member) {
    return [member](Options& options, const std::string&) -> Result<> {
        options.*member = true;
        return ok();
    };
}

const std::vector<Flag>& flags() {
    static const std::vector<Flag> kFlags = {
        {{"-i", "--inventory"}, true, set_inventory},
        {{"-o", "--output"}, true, set_output},
        {{"--color", "--colour"}, true, set_colour},
        {{"--timeout"}, true, set_timeout},
        {{"--connect-timeout"}, true, set_connect_timeout},
        {{"--lock-timeout"}, true, set_lock_timeout},
        {{"--ssh-client"}, true, set_ssh_client},
        {{"--playbook"}, true, set_playbook},
        {{"--confirm"},
         true,
         [](Options& options, const std::string& value) -> Result<> {
             options.confirm = value;
             return ok();
         }},
        {{"--release-dir"},
         true,
         [](Options& options, const std::string& value) -> Result<> {
             options.release_dir = value;
             return ok();
         }},
        {{"-y", "--yes"}, false, turn_on(&Options::yes)},
        {{"--exit-code"}, false, turn_on(&Options::exit_code)},
        {{"--accept-new-host-keys"}, false, turn_on(&Options::accept_new_host_keys)},
        {{"--accept-quorum-loss"}, false, turn_on(&Options::accept_quorum_loss)},
        {{"--stats"}, false, turn_on(&Options::stats)},
        {{"-v", "--verbose"}, false, turn_on(&Options::verbose)},
    };
    return kFlags;
}

const Flag* find_flag(const std::string& name) {
    for (const Flag& flag : flags()) {
        if (std::ranges::find(flag.names, name) != flag.names.end()) return &flag;
    }
    return nullptr;
}

Error unknown_flag(const std::string& name) {
    std::vector<std::string> names;
    for (const Flag& flag : flags()) {
        names.insert(names.end(), flag.names.begin(), flag.names.end());
    }
    const std::string meant = inventory::nearest_name(name, names);
    return usage("unknown option \"" + name + "\"" +
                 (meant.empty() ? "; see: zkprov help" : "; did you mean \"" + meant + "\"?"));
}

/// Takes a flag (and its value) at `at`; leaves `at` on the last word used.
Result<> take_flag(const std::vector<std::string>& words, std::size_t& at, Options& options) {
    const std::string& word = words[at];
    const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
    const std::string name = word.substr(0, equals);
    const Flag* const flag = find_flag(name);
    if (flag == nullptr) return unknown_flag(name);
    if (!flag->has_value) {
        if (equals != std::string::npos) return usage(name + " takes no value");
        return flag->set(options, {});
    }
    if (equals != std::string::npos) return flag->set(options, word.substr(equals + 1));
    if (at + 1 >= words.size()) return usage(name + " needs a value; see: zkprov help");
    return flag->set(options, words[++at]);
}

bool takes_playbook(Verb verb) {
    return verb == Verb::apply || verb == Verb::plan || verb == Verb::replace_node;
}

bool takes_node(Verb verb) { return verb == Verb::replace_node || verb == Verb::wipe; }

Result<> take_node(const std::string& word, Options& options) {
    const std::string verb(to_string(options.verb));
    if (word.empty()) return usage(verb + " needs the node's id, such as: zkprov " + verb + " 2");
    auto ids = inventory::expand_ids(word);
    if (!ids) return usage(verb + ": the id " + ids.error().words);
    if (ids->size() != 1) {
        return usage(verb + " takes one node at a time: with more, a quorum could be lost");
    }
    options.node = ids->front();
    return ok();
}

Result<> take_positionals(const std::vector<std::string>& positionals, Options& options) {
    std::size_t next = 0;
    if (options.verb == Verb::help || options.verb == Verb::version) {
        if (options.verb == Verb::help && !positionals.empty()) {
            options.help_topic = positionals[next++];
        }
    } else {
        if (takes_node(options.verb)) {
            ZK_CHECK(take_node(positionals.empty() ? "" : positionals[next++], options));
        }
        if (options.verb == Verb::lock) {
            const std::string what = positionals.empty() ? "" : positionals[next++];
            if (what != "show" && what != "break") {
                return usage("lock needs show or break, such as: zkprov lock show");
            }
            options.lock_verb = what == "show" ? LockVerb::show : LockVerb::revoke;
        }
        if (next < positionals.size()) ZK_CHECK(set_inventory(options, positionals[next++]));
    }
    if (next < positionals.size()) {
        return usage("\"" + positionals[next] + "\" is one word too many; see: zkprov help");
    }
    return ok();
}

}  // namespace

Result<milliseconds> parse_duration(std::string_view text) {
    struct Unit {
        std::string_view suffix;
        std::int64_t factor_ms;
    };
    constexpr std::array<Unit, 4> kUnits = {{{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}}};
    std::string_view digits = text;
    std::int64_t factor_ms = 1000;
    for (const Unit& unit : kUnits) {
        if (!text.ends_with(unit.suffix)) continue;
        digits.remove_suffix(unit.suffix.size());
        factor_ms = unit.factor_ms;
        break;
    }
    const auto number = parse_number(digits);
    constexpr std::int64_t kMostMs = 24LL * 3600 * 1000;
    if (!number || *number <= 0 || *number > kMostMs / factor_ms) {
        return usage("a duration is a number with ms, s, m or h (30s), up to 24h; found \"" +
                     std::string(text) + "\"");
    }
    return milliseconds(*number * factor_ms);
}

std::string_view to_string(Verb verb) {
    return std::ranges::find(kVerbs, verb, &VerbName::verb)->name;
}

std::string command_word(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (!words[i].starts_with('-')) return words[i];
        const Flag* const flag = find_flag(words[i]);
        if (flag != nullptr && flag->has_value) ++i;
    }
    return {};
}

bool wants_json(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "--output=json") return true;
        const bool flag = words[i] == "-o" || words[i] == "--output";
        if (flag && i + 1 < words.size() && words[i + 1] == "json") return true;
    }
    return false;
}

Result<Options> parse_options(const std::vector<std::string>& words,
                              const Environment& environment) {
    Options options;
    if (environment.no_color) options.colour = Colour::never;
    if (environment.force_color) options.colour = Colour::always;
    options.release_dir = environment.release_dir;
    std::vector<std::string> positionals;
    bool help = words.empty();
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "-h" || words[i] == "--help") {
            help = true;
        } else if (words[i] == "--version") {
            positionals.insert(positionals.begin(), "version");
        } else if (words[i].size() > 1 && words[i].front() == '-') {
            ZK_CHECK(take_flag(words, i, options));
        } else {
            positionals.push_back(words[i]);
        }
    }
    if (help) {
        options.verb = Verb::help;
        if (!positionals.empty() && positionals.front() != "help") {
            options.help_topic = positionals.front();
        }
        return options;
    }
    if (positionals.empty()) return usage("no command is given; see: zkprov help");
    ZK_TRY(options.verb, parse_verb(positionals.front()));
    positionals.erase(positionals.begin());
    ZK_CHECK(take_positionals(positionals, options));
    if (!options.playbook_file.empty() && !takes_playbook(options.verb)) {
        return usage("--playbook is for apply, plan and replace-node; " +
                     std::string(to_string(options.verb)) + " runs no recipe");
    }
    if (options.accept_quorum_loss && options.verb != Verb::wipe) {
        return usage("--accept-quorum-loss is for wipe");
    }
    if (options.inventory_file.empty()) {
        options.inventory_file =
            environment.inventory.empty() ? "inventory.yaml" : environment.inventory;
    }
    return options;
}

}  // namespace zk::zkprov
