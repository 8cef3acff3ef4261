// Quotas of the shell: nodes below /zookeeper/quota that servers look at.
// Source: ZooKeeper SetQuotaCommand, DelQuotaCommand, ListQuotaCommand as seen of 3.8.0.
#include <algorithm>
#include <optional>

#include "base/numbers.h"
#include "cli/json.h"
#include "cli/node_path.h"
#include "zkcli/runner.h"

namespace zk::zkcli {

using cli::JsonObject;
using jute::QuotaText;

namespace {

std::string limits_json(const QuotaText& quota) {
    return JsonObject()
        .number("count", quota.count)
        .number("bytes", quota.bytes)
        .number("countHardLimit", quota.count_hard)
        .number("byteHardLimit", quota.bytes_hard)
        .str();
}

void merge(QuotaText& into, const QuotaText& wanted) {
    if (wanted.count >= 0) into.count = wanted.count;
    if (wanted.bytes >= 0) into.bytes = wanted.bytes;
    if (wanted.count_hard >= 0) into.count_hard = wanted.count_hard;
    if (wanted.bytes_hard >= 0) into.bytes_hard = wanted.bytes_hard;
}

}  // namespace

bool Runner::quota_node(const std::string& path, std::optional<std::string>& text) {
    text.reset();
    const auto got = loop_.run(zk_.get_data(path));
    if (got.has_value() && got->error == ErrorCode::no_node) return true;
    if (got.has_value() && got->ok()) {
        text = got->value.data.value_or("");
        return true;
    }
    if (!got.has_value()) return fail(got.error(), path);
    outcome_.fail(std::string(to_string(got->error)),
                  "KeeperErrorCode = " + std::string(to_string(got->error)) + " for " + path,
                  path);
    return false;
}

/// Quotas do not stand inside each other.
bool Runner::quota_is_alone(const std::string& path) {
    for (const auto& parent : cli::above(path)) {
        std::optional<std::string> limits;
        if (!quota_node(jute::limits_path(parent), limits)) return false;
        if (!limits) continue;
        outcome_.fail("USAGE", path + " has a parent " + parent + " which has a quota", path);
        return false;
    }
    const std::string own = jute::quota_path(path);
    const auto there = loop_.run(zk_.exists(own));
    if (!there.has_value()) return fail(there.error(), own);
    if (!there->ok()) return true;  // nothing is below
    std::vector<std::string> below;
    if (!walk(own, below)) return false;
    const std::string ending = jute::limits_path("").substr(jute::quota_path("").size());
    for (const auto& node : below) {
        if (!node.ends_with(ending) || node == own + ending) continue;
        const std::size_t from = jute::quota_path("").size();
        const std::string child = node.substr(from, node.size() - ending.size() - from);
        outcome_.fail("USAGE", path + " has a child " + child + " which has a quota", path);
        return false;
    }
    return true;
}

bool Runner::make_parents(const std::string& path) {
    std::vector<std::string> wanted = cli::above(path);
    wanted.push_back(path);
    for (const auto& node : wanted) {
        client::NewNode parent;
        parent.path = node;
        parent.acl = client::open_acl();
        const auto made = loop_.run(zk_.create(std::move(parent)));
        if (!made.has_value()) return fail(made.error(), node);
        if (made->ok() || made->error == ErrorCode::node_exists) continue;
        outcome_.fail(std::string(to_string(made->error)), "cannot create " + node, node);
        return false;
    }
    return true;
}

bool Runner::write_limits(const std::string& path, const QuotaText& wanted) {
    const std::string own = jute::quota_path(path);
    const std::string limits_path = jute::limits_path(path);
    std::optional<std::string> old;
    if (!quota_node(limits_path, old)) return false;
    QuotaText limits = old ? cli::read_quota(*old) : QuotaText();
    merge(limits, wanted);
    if (old) {
        const auto set = loop_.run(zk_.set_data(limits_path, limits.limits(), -1));
        if (!set.has_value()) return fail(set.error(), limits_path);
        if (set->ok()) return true;
        outcome_.fail(
            std::string(to_string(set->error)), "cannot write " + limits_path, limits_path);
        return false;
    }
    if (!make_parents(own)) return false;
    client::NewNode node;
    node.acl = client::open_acl();
    // The limits switch the counting on; the server then fills in what is used.
    for (const bool is_limits : {true, false}) {
        node.path = is_limits ? limits_path : jute::stats_path(path);
        node.data = is_limits ? limits.limits() : QuotaText{0, 0, -1, -1, {}}.used();
        const auto made = loop_.run(zk_.create(node));
        if (!made.has_value()) return fail(made.error(), node.path);
        if (made->ok() || made->error == ErrorCode::node_exists) continue;
        outcome_.fail(std::string(to_string(made->error)), "cannot create " + node.path, node.path);
        return false;
    }
    return true;
}

void Runner::set_quota() {
    const std::string& path = command_->operands[0];
    QuotaText wanted;
    bool any = false;
    for (const auto& [option, field, words] :
         {std::tuple{"n", &QuotaText::count, "the num quota"},
          std::tuple{"b", &QuotaText::bytes, "the bytes quota"},
          std::tuple{"N", &QuotaText::count_hard, "the hard num quota"},
          std::tuple{"B", &QuotaText::bytes_hard, "the hard bytes quota"}}) {
        const auto text = command_->value(option);
        if (!text) continue;
        any = true;
        const auto number = parse_number(*text);
        if (!number || *number < 1) {
            return outcome_.fail("USAGE", std::string(words) + " must be greater than zero");
        }
        wanted.*field = *number;
    }
    if (!any) return outcome_.fail("USAGE", command_->spec->usage());
    if (!path_is_good(path)) return;
    if (path == "/") return outcome_.fail("USAGE", "servers take no quota on /", path);
    const auto there = loop_.run(zk_.exists(path));
    if (!there.has_value()) {
        fail(there.error(), path);
        return;
    }
    if (!there->ok()) return outcome_.fail("NONODE", path + " does not exist.", path);
    if (!quota_is_alone(path) || !write_limits(path, wanted)) return;
    std::optional<std::string> limits, used;
    if (!quota_node(jute::limits_path(path), limits) || !quota_node(jute::stats_path(path), used))
        return;
    const QuotaText now = cli::read_quota(limits.value_or(""));
    outcome_.out += cli::quota_warnings(now, cli::read_quota(used.value_or("")));
    outcome_.result = JsonObject().raw("quota", limits_json(now)).str();
}

void Runner::list_quota() {
    const std::string& path = command_->operands[0];
    if (!path_is_good(path)) return;
    outcome_.err += "absolute path is " + jute::limits_path(path) + "\n";
    std::optional<std::string> limits, used;
    if (!quota_node(jute::limits_path(path), limits) || !quota_node(jute::stats_path(path), used))
        return;
    if (!limits) {
        outcome_.err += "quota for " + path + " does not exist.\n";
        return;
    }
    const QuotaText quota = cli::read_quota(*limits);
    const QuotaText stats = cli::read_quota(used.value_or(""));
    outcome_.out += "Output quota for " + path + " " + quota.limits() + "\n";
    outcome_.out += "Output stat for " + path + " " + stats.used() + "\n";
    const std::string used_json =
        JsonObject().number("count", stats.count).number("bytes", stats.bytes).str();
    outcome_.result = JsonObject().raw("quota", limits_json(quota)).raw("used", used_json).str();
}

void Runner::remove_quota() {
    const std::string& path = command_->operands[0];
    if (!path_is_good(path)) return;
    const std::string own = jute::quota_path(path);
    const std::string limits_path = jute::limits_path(path);
    std::optional<std::string> limits;
    if (!quota_node(limits_path, limits)) return;
    if (!limits) {
        outcome_.out += "Quota does not exist for " + path + "\n";
        return;
    }
    QuotaText quota = cli::read_quota(*limits);
    if (command_->options.empty()) {
        for (const std::string& node : {limits_path, jute::stats_path(path)}) {
            const auto gone = loop_.run(zk_.remove(node, -1));
            if (gone.has_value() && gone->error == ErrorCode::no_node) continue;
            if (!good(gone, node)) return;
        }
        return trim_quota(own);
    }
    if (command_->has("n")) quota.count = -1;
    if (command_->has("b")) quota.bytes = -1;
    if (command_->has("N")) quota.count_hard = -1;
    if (command_->has("B")) quota.bytes_hard = -1;
    good(loop_.run(zk_.set_data(limits_path, quota.limits(), -1)), limits_path);
}

/// Nodes on the way to a quota that is no more, as far as nothing else is below them.
void Runner::trim_quota(std::string path) {
    while (path.size() > jute::quota_path("").size()) {
        const auto gone = loop_.run(zk_.remove(path, -1));
        if (!gone.has_value() || !gone->ok()) return;
        path.resize(path.rfind('/'));
    }
}

}  // namespace zk::zkcli
