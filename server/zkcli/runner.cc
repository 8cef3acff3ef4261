#include "zkcli/runner.h"

#include <algorithm>
#include <ctime>
#include <fstream>
#include <limits>
#include <map>

#include "base/base64.h"
#include "base/check.h"
#include "base/numbers.h"
#include "cli/acl_text.h"
#include "cli/json.h"
#include "cli/node_path.h"
#include "cli/text.h"

namespace zk::zkcli {

using cli::JsonObject;
using cli::Verb;
using client::Watch;

std::string local_time_text(WallMs at) {
    const std::time_t seconds = at.value() / 1000;
    std::tm civil{};
    char text[64];
    ::localtime_r(&seconds, &civil);
    std::strftime(text, sizeof text, "%a %b %d %H:%M:%S %Z %Y", &civil);
    return text;
}

Outcome Runner::run(const cli::Command& command) {
    static const std::map<Verb, void (Runner::*)()> kDeeds = {
        {Verb::create, &Runner::create},
        {Verb::get, &Runner::get},
        {Verb::set, &Runner::set},
        {Verb::ls, &Runner::list},
        {Verb::stat, &Runner::stat},
        {Verb::remove, &Runner::remove},
        {Verb::remove_all, &Runner::remove_all},
        {Verb::get_acl, &Runner::get_acl},
        {Verb::set_acl, &Runner::set_acl},
        {Verb::add_auth, &Runner::add_auth},
        {Verb::add_watch, &Runner::add_watch},
        {Verb::remove_watches, &Runner::remove_watches},
        {Verb::sync, &Runner::sync},
        {Verb::get_all_children_number, &Runner::count_all},
        {Verb::get_ephemerals, &Runner::ephemerals},
        {Verb::who_am_i, &Runner::who_am_i},
        {Verb::config, &Runner::config},
        {Verb::reconfig, &Runner::reconfig},
        {Verb::set_quota, &Runner::set_quota},
        {Verb::list_quota, &Runner::list_quota},
        {Verb::remove_quota, &Runner::remove_quota},
    };
    command_ = &command;
    outcome_ = Outcome();
    const auto deed = kDeeds.find(command.spec->verb);
    ZK_ASSERT(deed != kDeeds.end());
    (this->*deed->second)();
    return std::move(outcome_);
}

std::vector<std::string> Runner::children(const std::string& path) {
    const auto state = zk_.state();
    if (state != client::SessionState::connected &&
        state != client::SessionState::connected_read_only) {
        return {};
    }
    const auto answer = call(zk_.get_children(path));
    if (!answer.has_value() || !answer->ok()) return {};
    return answer->value.children;
}

bool Runner::fail(const Error& error, const std::string& path) {
    const bool session_is_over = error.code == make_error_code(Errc::refused);
    if (zk_.state() == client::SessionState::auth_failed) {
        outcome_.fail("AUTHFAILED", cli::error_text(ErrorCode::auth_failed, path), path);
    } else if (session_is_over) {
        outcome_.fail("SESSIONEXPIRED", cli::error_text(ErrorCode::session_expired, path), path);
    } else {
        outcome_.fail(
            "CONNECTIONLOSS", cli::connection_loss_text(path) + "\n" + error.message(), path);
    }
    return false;
}

bool Runner::refused(ErrorCode error, const std::string& path) {
    outcome_.fail(std::string(to_string(error)), cli::error_text(error, path), path);
    return false;
}

bool Runner::path_is_good(const std::string& path, bool sequential) {
    const auto checked = cli::check_path(path, sequential);
    if (!checked.has_value()) outcome_.fail("BADPATH", checked.error().words, path);
    return checked.has_value();
}

void Runner::deprecated(const std::string& old_form, const std::string& new_form) {
    outcome_.err +=
        "'" + old_form + "' has been deprecated. Please use '" + new_form + "' instead.\n";
}

bool Runner::read_version(std::int32_t& version) {
    cli::Command asked = *command_;
    if (command_->spec->verb == Verb::remove && command_->operands.size() > 1) {
        deprecated("delete path [version]", "delete [-v version] path");
        asked.options["v"] = command_->operands[1];
    }
    const auto number = cli::number_of(asked,
                                       "v",
                                       std::numeric_limits<std::int32_t>::min(),
                                       std::numeric_limits<std::int32_t>::max());
    if (!number.has_value()) {
        outcome_.fail("USAGE", number.error().words);
        return false;
    }
    version = static_cast<std::int32_t>(number->value_or(-1));
    return true;
}

Watch Runner::watch_asked() {
    if (command_->operands.size() > 1) {
        const std::string name(command_->spec->name);
        const std::string flags = name == "stat" ? " [-w] path" : " [-s] [-w] path";
        deprecated(name + " path [watch]", name + (name == "ls" ? " [-w] path" : flags));
        return Watch::yes;
    }
    return command_->has("w") ? Watch::yes : Watch::no;
}

void Runner::put_stat(const jute::Stat& stat) {
    outcome_.out += cli::stat_text(stat, local_time_text);
}

void Runner::create() {
    const std::string& path = command_->operands[0];
    const bool sequential = command_->has("s");
    const bool ephemeral = command_->has("e");
    const bool container = command_->has("c");
    client::NewNode node;
    node.path = path;
    if (container && (sequential || ephemeral)) {
        return outcome_.fail("USAGE",
                             "-c cannot be combined with -s or -e. Containers cannot be ephemeral "
                             "or sequential.");
    }
    node.mode = container ? CreateMode::container
                          : static_cast<CreateMode>((ephemeral ? 1 : 0) + (sequential ? 2 : 0));
    if (command_->has("t")) {
        if (ephemeral) return outcome_.fail("USAGE", "TTLs cannot be used with Ephemeral znodes");
        if (container) return outcome_.fail("USAGE", "TTLs cannot be used with Container znodes");
        constexpr std::int64_t kTtlMax = 0xffffffffff;
        const auto ttl = cli::number_of(*command_, "t", 1, kTtlMax);
        if (!ttl.has_value()) {
            return outcome_.fail(
                "USAGE",
                "ttl must be positive and cannot be larger than: " + std::to_string(kTtlMax));
        }
        node.ttl_ms = **ttl;
        node.mode = sequential ? CreateMode::persistent_sequential_with_ttl
                               : CreateMode::persistent_with_ttl;
    }
    if (!path_is_good(path, sequential)) return;
    node.data = command_->operand(1);
    node.acl = client::open_acl();
    if (const auto text = command_->operand(2)) {
        auto acl = cli::read_acl(*text);
        if (!acl.has_value()) return outcome_.fail("INVALIDACL", acl.error().words, path);
        node.acl = *std::move(acl);
    }
    const auto made = call(zk_.create(std::move(node)));
    if (made.has_value() && made->error == ErrorCode::invalid_acl) {
        outcome_.err += "KeeperErrorCode = InvalidACL for " + path + "\n";
    }
    if (!good(made, path)) return;
    outcome_.err += "Created " + made->value + "\n";
    outcome_.result = JsonObject().text("path", made->value).str();
}

void Runner::get() {
    const std::string& path = command_->operands[0];
    const Watch watch = watch_asked();
    if (!path_is_good(path)) return;
    const auto got = call(zk_.get_data(path, watch));
    if (!good(got, path)) return;
    const auto& data = got->value.data;
    if (!data) {
        outcome_.out += "null";
    } else if (command_->has("b")) {
        outcome_.out += encode_base64(*data);
    } else if (command_->has("x")) {
        outcome_.out += cli::hex_dump(*data);
    } else {
        outcome_.out += *data;
    }
    if (!data || !command_->has("x")) outcome_.out += "\n";
    if (command_->has("s")) put_stat(got->value.stat);
    JsonObject result;
    if (data && command_->has("b")) {
        result.text("base64", encode_base64(*data));
    } else {
        result.data(data);
    }
    outcome_.result = result.raw("stat", cli::stat_json(got->value.stat)).str();
}

void Runner::set() {
    const std::string& path = command_->operands[0];
    std::int32_t version = -1;
    if (!read_version(version)) return;
    jute::Buffer data = command_->operands[1];
    if (command_->has("b")) {
        data = decode_base64(*data);
        if (!data) return outcome_.fail("USAGE", "-b: the data is not base64", path);
    }
    if (!path_is_good(path)) return;
    const auto done = call(zk_.set_data(path, std::move(data), version));
    if (!good(done, path)) return;
    if (command_->has("s")) put_stat(done->value);
    outcome_.result = JsonObject().raw("stat", cli::stat_json(done->value)).str();
}

void Runner::list() {
    const std::string& path = command_->operands[0];
    const Watch watch = watch_asked();
    if (!path_is_good(path)) return;
    if (command_->has("R")) return list_all(path, watch);
    auto got = call(zk_.get_children(path, watch));
    if (!good(got, path)) return;
    std::sort(got->value.children.begin(), got->value.children.end());
    outcome_.out += cli::list_text(got->value.children);
    if (command_->has("s")) put_stat(got->value.stat);
    outcome_.result = JsonObject()
                          .raw("children", cli::json_list(got->value.children))
                          .raw("stat", cli::stat_json(got->value.stat))
                          .str();
}

/// A node's children before what is below each of them, as Apache's shell has it.
void Runner::list_all(const std::string& path, Watch watch) {
    if (!good(call(zk_.get_data(path, watch)), path)) return;
    std::vector<std::string> found{path};
    std::vector<std::string> open{path};  // the next one is last
    bool well = true;
    while (well && !open.empty()) {
        const std::string parent = std::move(open.back());
        open.pop_back();
        auto got = call(zk_.get_children(parent, watch));
        // It may be gone since its parent was read.
        if (got.has_value() && got->error == ErrorCode::no_node) continue;
        well = good(got, parent);
        if (!well) break;
        auto& names = got->value.children;
        std::sort(names.begin(), names.end());
        for (const auto& name : names) found.push_back(cli::child_of(parent, name));
        for (auto name = names.rbegin(); name != names.rend(); ++name) {
            open.push_back(cli::child_of(parent, *name));
        }
    }
    for (const auto& one : found) outcome_.out += one + "\n";
    outcome_.result = JsonObject().raw("paths", cli::json_list(found)).str();
}

void Runner::stat() {
    const std::string& path = command_->operands[0];
    const Watch watch = watch_asked();
    if (!path_is_good(path)) return;
    const auto got = call(zk_.exists(path, watch));
    if (!good(got, path)) return;
    put_stat(got->value);
    outcome_.result = JsonObject().raw("stat", cli::stat_json(got->value)).str();
}

void Runner::remove() {
    const std::string& path = command_->operands[0];
    std::int32_t version = -1;
    if (!read_version(version) || !path_is_good(path)) return;
    good(call(zk_.remove(path, version)), path);
}

/// The node and all below it, each before what is below it.
bool Runner::walk(const std::string& path, std::vector<std::string>& found) {
    found.push_back(path);
    for (std::size_t at = found.size() - 1; at < found.size(); ++at) {
        const std::string parent = found[at];
        const auto got = call(zk_.get_children(parent));
        if (at > 0 && got.has_value() && got->error == ErrorCode::no_node) continue;
        if (!good(got, parent)) return false;
        for (const auto& name : got->value.children) found.push_back(cli::child_of(parent, name));
    }
    return true;
}

void Runner::remove_all() {
    constexpr std::size_t kBatchBytes = 256 * 1024;  // a request has its bound
    const std::string& path = command_->operands[0];
    const auto asked = cli::number_of(*command_, "b", 1, 1000000);
    if (!asked.has_value()) return outcome_.fail("USAGE", asked.error().words);
    const auto batch_size = static_cast<std::size_t>(asked->value_or(1000));
    if (!path_is_good(path)) return;
    std::vector<std::string> paths;
    if (!walk(path, paths)) return;
    const std::size_t count = paths.size();
    while (!paths.empty()) {
        std::vector<std::string> batch;
        std::size_t bytes = 0;
        while (!paths.empty() && batch.size() < batch_size && bytes < kBatchBytes) {
            bytes += paths.back().size();
            batch.push_back(std::move(paths.back()));
            paths.pop_back();
        }
        if (!remove_batch(batch)) {
            outcome_.err += "Failed to delete some node(s) in the subtree!\n";
            return;
        }
    }
    outcome_.result = JsonObject().number("deleted", static_cast<std::int64_t>(count)).str();
}

bool Runner::remove_batch(const std::vector<std::string>& paths) {
    const auto done = call(zk_.remove_all(paths));
    const bool raced = done.has_value() && done->error == ErrorCode::no_node;
    if (!raced) return good(done, done.has_value() ? paths[done->value] : paths.front());
    // Somebody else removes here, too: one after the other, whatever is left.
    for (const auto& path : paths) {
        const auto one = call(zk_.remove(path, -1));
        if (one.has_value() && one->error == ErrorCode::no_node) continue;
        if (!good(one, path)) return false;
    }
    return true;
}

void Runner::get_acl() {
    const std::string& path = command_->operands[0];
    if (!path_is_good(path)) return;
    const auto got = call(zk_.get_acl(path));
    if (!good(got, path)) return;
    outcome_.out += cli::acl_text(got->value.acl);
    if (command_->has("s")) put_stat(got->value.stat);
    outcome_.result = JsonObject()
                          .raw("acl", cli::acl_json(got->value.acl))
                          .raw("stat", cli::stat_json(got->value.stat))
                          .str();
}

void Runner::set_acl() {
    const std::string& path = command_->operands[0];
    std::int32_t version = -1;
    if (!read_version(version)) return;
    const auto acl = cli::read_acl(command_->operands[1]);
    if (!acl.has_value()) return outcome_.fail("INVALIDACL", acl.error().words, path);
    if (!path_is_good(path)) return;
    if (!command_->has("R")) return set_acl_of(path, *acl, version);
    std::vector<std::string> paths;
    if (!walk(path, paths)) return;
    // A node that refuses does not keep the others from it.
    for (const auto& one : paths) set_acl_of(one, *acl, version);
}

void Runner::set_acl_of(const std::string& path, const jute::AclList& acl, std::int32_t version) {
    const auto done = call(zk_.set_acl(path, acl, version));
    if (!good(done, path)) return;
    if (command_->has("s") && !command_->has("R")) put_stat(done->value);
    if (outcome_.error.empty()) {
        outcome_.result = JsonObject().raw("stat", cli::stat_json(done->value)).str();
    }
}

void Runner::add_auth() {
    const auto done = call(zk_.add_auth(command_->operands[0], command_->operand(1).value_or("")));
    good(done, "");
}

void Runner::add_watch() {
    const std::string& path = command_->operands[0];
    const std::string mode = command_->value("m").value_or("PERSISTENT_RECURSIVE");
    if (mode != "PERSISTENT" && mode != "PERSISTENT_RECURSIVE") {
        return outcome_.fail("USAGE", command_->spec->usage());
    }
    if (!path_is_good(path)) return;
    const auto asked =
        mode == "PERSISTENT" ? AddWatchMode::persistent : AddWatchMode::persistent_recursive;
    good(call(zk_.add_watch(path, asked)), path);
}

void Runner::remove_watches() {
    const std::string& path = command_->operands[0];
    WatcherType kind = WatcherType::any;
    if (command_->has("c")) kind = WatcherType::children;
    if (command_->has("d")) kind = WatcherType::data;
    if (command_->has("p")) kind = WatcherType::persistent;
    if (command_->has("r")) kind = WatcherType::persistent_recursive;
    if (!path_is_good(path)) return;
    good(call(zk_.remove_watches(path, kind, command_->has("l"))), path);
}

void Runner::sync() {
    const std::string& path = command_->operands[0];
    if (!path_is_good(path) || !good(call(zk_.sync(path)), path)) return;
    outcome_.out += "Sync is OK\n";
}

void Runner::count_all() {
    const std::string& path = command_->operands[0];
    if (!path_is_good(path)) return;
    const auto got = call(zk_.get_all_children_number(path));
    if (!good(got, path)) return;
    outcome_.out += std::to_string(got->value) + "\n";
    outcome_.result = std::to_string(got->value);
}

void Runner::ephemerals() {
    const std::string path = command_->operand(0).value_or("/");
    if (!path_is_good(path)) return;
    auto got = call(zk_.get_ephemerals(path));
    if (!good(got, path)) return;
    std::sort(got->value.begin(), got->value.end());
    outcome_.out += cli::list_text(got->value);
    outcome_.result = cli::json_list(got->value);
}

void Runner::who_am_i() {
    const auto got = call(zk_.who_am_i());
    if (!good(got, "")) return;
    outcome_.out += cli::identities_text(got->value);
    std::string list;
    for (const auto& identity : got->value) {
        if (!list.empty()) list += ",";
        list += JsonObject().text("scheme", identity.scheme).text("user", identity.user).str();
    }
    outcome_.result = "[" + list + "]";
}

void Runner::put_config(const client::NodeData& node) {
    const std::string text = node.data.value_or("");
    outcome_.out += (command_->has("c") ? cli::config_for_clients(text) : text) + "\n";
    if (command_->has("s")) put_stat(node.stat);
    outcome_.result = JsonObject()
                          .text("config", text)
                          .text("clients", cli::config_for_clients(text))
                          .raw("stat", cli::stat_json(node.stat))
                          .str();
}

void Runner::config() {
    const auto got = call(zk_.get_config(watch_asked()));
    if (good(got, "/zookeeper/config")) put_config(got->value);
}

/// The members of a file: its lines server.N=..., joined by commas.
bool Runner::read_members(const std::string& file, std::string& members) {
    std::ifstream in(file);
    std::string line;
    while (std::getline(in, line)) {
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
        if (line.rfind("server.", 0) != 0) continue;
        members += (members.empty() ? "" : ",") + line;
    }
    if (!members.empty()) return true;
    outcome_.fail("USAGE", "Error processing " + file + ": no line server.N=... can be read in it");
    return false;
}

void Runner::reconfig() {
    client::Reconfiguration wanted;
    wanted.joining = command_->value("add");
    wanted.leaving = command_->value("remove");
    wanted.members = command_->value("members");
    const bool whole = wanted.members || command_->has("file");
    if (wanted.members && command_->has("file")) {
        return outcome_.fail("USAGE", "Can't use -file and -members together");
    }
    if (whole && (wanted.joining || wanted.leaving)) {
        return outcome_.fail("USAGE",
                             "Can't use -file or -members together with -add or -remove: all "
                             "members are given, or a change of them");
    }
    if (!whole && !wanted.joining && !wanted.leaving) {
        return outcome_.fail("USAGE", command_->spec->usage());
    }
    const auto version = [this] {
        cli::Command hexadecimal = *command_;
        if (auto text = hexadecimal.value("v")) {
            const auto number = parse_number<std::int64_t>(*text, 16);
            if (number) hexadecimal.options["v"] = std::to_string(*number);
        }
        return cli::number_of(hexadecimal, "v", -1, std::numeric_limits<std::int64_t>::max());
    }();
    if (!version.has_value()) return outcome_.fail("USAGE", version.error().words);
    wanted.version = version->value_or(-1);
    if (const auto file = command_->value("file")) {
        std::string members;
        if (!read_members(*file, members)) return;
        wanted.members = members;
    }
    const auto done = call(zk_.reconfig(std::move(wanted)));
    if (!good(done, "")) return;
    outcome_.out += "Committed new configuration:\n";
    put_config(done->value);
}

}  // namespace zk::zkcli
