#include "admin/transfers.h"

#include <algorithm>
#include <array>

#include "admin/json.h"

namespace zk::admin {
namespace {

constexpr unsigned kUnauthorized = 401;
constexpr unsigned kForbidden = 403;
constexpr unsigned kConflict = 409;
constexpr unsigned kTooMany = 429;
constexpr unsigned kUnavailable = 503;

std::string_view name_of(Transfer transfer) {
    return transfer == Transfer::restore ? "restore" : "snapshot";
}

bool has_all(const jute::AclList& list,
             const std::vector<jute::AuthId>& ids,
             const tree::AccessRules& rules) {
    constexpr std::array kEach = {
        perms::kRead, perms::kWrite, perms::kCreate, perms::kDelete, perms::kAdmin};
    return std::all_of(kEach.begin(), kEach.end(), [&](std::int32_t one) {
        return tree::check_acl(list, one, ids, rules);
    });
}

}  // namespace

Transfer transfer_of(const AdminTarget& target) {
    if (target.kind != AdminTarget::Kind::command) return Transfer::none;
    if (target.command == "snapshot" || target.command == "snap") return Transfer::snapshot;
    if (target.command == "restore" || target.command == "rest") return Transfer::restore;
    return Transfer::none;
}

TransferAnswer transfer_refused(Transfer transfer, unsigned status, std::string_view error) {
    Json json;
    json.open_object().text("command", name_of(transfer)).text("error", error).close_object();
    return {status, json.take()};
}

std::optional<TransferAnswer> transfer_refused(Transfer transfer, const Facts& facts) {
    if (!facts.authorized) return transfer_refused(transfer, kForbidden, "Not authorized");
    if (facts.busy)
        return transfer_refused(
            transfer, kTooMany, "another snapshot or restore is under way; try again later");
    if (!facts.status.serving || facts.status.read_only)
        return transfer_refused(
            transfer, kUnavailable, "This ZooKeeper instance is not currently serving requests");
    if (transfer == Transfer::restore && facts.status.role != core::Role::standalone)
        return transfer_refused(
            transfer,
            kConflict,
            "a member of an ensemble takes its data from the others: stop all servers, put the "
            "snapshot's file into dataDir of each and nothing else, and start them");
    return std::nullopt;
}

TransferAnswer restored(Zxid last_zxid) {
    Json json;
    json.open_object()
        .number("last_zxid", last_zxid.value())
        .text("command", name_of(Transfer::restore))
        .raw("error", "null")
        .close_object();
    return {200, json.take()};
}

Proof proof_of(Transfer transfer,
               std::string_view authorization,
               std::string_view remote,
               const ensemble::ServerConfig& config) {
    Proof proof;
    if (authorization.empty()) {
        proof.refusal =
            transfer_refused(transfer, kUnauthorized, "Auth info is missing for the command");
        return proof;
    }
    const std::size_t blank = std::min(authorization.find(' '), authorization.size());
    const std::string_view scheme = authorization.substr(0, blank);
    std::string_view rest = authorization.substr(blank);
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    if (scheme == "digest" && config.digest_enabled && !rest.empty()) {
        std::string id = tree::digest_id(rest, config.digest_algorithm);
        if (!config.super_digest.empty() && id == config.super_digest)
            proof.ids.push_back({"super", ""});
        proof.ids.push_back({"digest", std::move(id)});
    } else if (scheme == "ip") {
        proof.ids.push_back({"ip", tree::ip_id(remote)});
    } else {
        proof.refusal = transfer_refused(transfer, kUnauthorized, "Not authenticated");
    }
    return proof;
}

bool may_transfer(const tree::DataTree& tree,
                  const std::vector<jute::AuthId>& ids,
                  const tree::AccessRules& rules) {
    const tree::Node* const root = tree.find("/");
    return root != nullptr && has_all(tree.acl_of(*root), ids, rules);
}

}  // namespace zk::admin
