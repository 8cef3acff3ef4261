#include "cli/text.h"

#include <algorithm>
#include <cstdio>

#include "cli/acl_text.h"

namespace zk::cli {
namespace {

/// Runs over the lines of a text.
template <class Each>
void each_line(std::string_view text, Each&& each) {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        each(text.substr(0, end));
        text = text.substr(std::min(end + 1, text.size()));
    }
}

/// "h:p" of "host:port1:port2:role;addr:port", or nothing for a member without a client port.
std::string client_address(std::string_view member) {
    const auto semicolon = member.find(';');
    if (semicolon == std::string_view::npos) return {};
    const auto client = member.substr(semicolon + 1);
    if (client.find(':') != std::string_view::npos) return std::string(client);
    const auto end = member[0] == '[' ? member.find(']') + 1 : member.find(':');
    return std::string(member.substr(0, end)) + ":" + std::string(client);
}

/// The error's own name, as Apache's client has it.
std::string_view code_text(ErrorCode error) {
    switch (error) {
        case ErrorCode::runtime_inconsistency:
            return "RuntimeInconsistency";
        case ErrorCode::marshalling_error:
            return "MarshallingError";
        case ErrorCode::unimplemented:
            return "Unimplemented";
        case ErrorCode::session_expired:
        case ErrorCode::unknown_session:
            return "Session expired";
        case ErrorCode::auth_failed:
            return "AuthFailed";
        case ErrorCode::session_moved:
            return "Session moved";
        case ErrorCode::not_read_only:
            return "Not a read-only call";
        case ErrorCode::ephemeral_on_local_session:
            return "Ephemeral node on local session";
        case ErrorCode::no_watcher:
            return "No such watcher";
        case ErrorCode::reconfig_disabled:
            return "Reconfig is disabled";
        case ErrorCode::quota_exceeded:
            return "Quota has exceeded";
        case ErrorCode::throttled_op:
            return "Op throttled due to high load";
        default:
            return to_string(error);
    }
}

}  // namespace

std::string stat_text(const jute::Stat& stat, const WhenText& when) {
    std::string text;
    const auto line = [&text](std::string_view name, const std::string& value) {
        text += std::string(name) + " = " + value + "\n";
    };
    line("cZxid", to_string(stat.czxid));
    line("ctime", when(stat.ctime));
    line("mZxid", to_string(stat.mzxid));
    line("mtime", when(stat.mtime));
    line("pZxid", to_string(stat.pzxid));
    line("cversion", std::to_string(stat.cversion));
    line("dataVersion", std::to_string(stat.version));
    line("aclVersion", std::to_string(stat.aversion));
    line("ephemeralOwner", to_hex(stat.ephemeral_owner));
    line("dataLength", std::to_string(stat.data_length));
    line("numChildren", std::to_string(stat.children_count));
    return text;
}

std::string list_text(std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    std::string text = "[";
    for (const auto& name : names) text += (text.size() > 1 ? ", " : "") + name;
    return text + "]\n";
}

std::string acl_text(const jute::AclList& acl) {
    std::string text;
    for (const auto& entry : acl) {
        text +=
            "'" + entry.id.scheme + ",'" + entry.id.id + "\n: " + perms_text(entry.perms) + "\n";
    }
    return text;
}

std::string identities_text(const std::vector<jute::ClientInfo>& identities) {
    std::string text = "Auth scheme: User\n";
    for (const auto& identity : identities) text += identity.scheme + ": " + identity.user + "\n";
    return text;
}

std::string event_text(jute::EventKind kind, jute::KeeperState state, const std::string& path) {
    return "\nWATCHER::\n\nWatchedEvent state:" + std::string(jute::to_string(state)) +
           " type:" + std::string(jute::to_string(kind)) +
           " path:" + (path.empty() ? "null" : path) + "\n";
}

std::string hex_dump(ByteView bytes) {
    if (bytes.empty()) return "\n";
    constexpr std::size_t kRow = 16;
    const std::string frame =
        "+--------+-------------------------------------------------+----------------+\n";
    std::string text =
        "         +-------------------------------------------------+\n"
        "         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |\n" +
        frame;
    char buffer[32];
    for (std::size_t at = 0; at < bytes.size(); at += kRow) {
        std::snprintf(buffer, sizeof buffer, "|%08zx|", at);
        text += buffer;
        std::string shown;
        for (std::size_t i = at; i < at + kRow; ++i) {
            if (i >= bytes.size()) {
                text += "   ";
                shown += ' ';
                continue;
            }
            const auto byte = static_cast<unsigned char>(bytes[i]);
            std::snprintf(buffer, sizeof buffer, " %02x", byte);
            text += buffer;
            shown += byte > 0x1f && byte < 0x7f ? static_cast<char>(byte) : '.';
        }
        text += " |" + shown + "|\n";
    }
    return text + frame;
}

std::string config_for_clients(std::string_view config) {
    std::string version;
    std::string servers;
    each_line(config, [&](std::string_view line) {
        const auto equals = line.find('=');
        if (equals == std::string_view::npos) return;
        const auto value = line.substr(equals + 1);
        if (line.substr(0, equals) == "version") {
            version = value;
        } else if (const auto address = client_address(value); !address.empty()) {
            servers += (servers.empty() ? "" : ",") + address;
        }
    });
    return version + " " + servers;
}

std::string error_text(ErrorCode error, const std::string& path) {
    switch (error) {
        case ErrorCode::no_node:
            return "Node does not exist: " + path;
        case ErrorCode::node_exists:
            return "Node already exists: " + path;
        case ErrorCode::not_empty:
            return "Node not empty: " + path;
        case ErrorCode::bad_version:
            return "version No is not valid : " + path;
        case ErrorCode::bad_arguments:
            return "Arguments are not valid : " + path;
        case ErrorCode::no_auth:
            return "Insufficient permission : " + path;
        case ErrorCode::invalid_acl:
            return "Acl is not valid : " + path;
        case ErrorCode::no_children_for_ephemerals:
            return "Ephemerals cannot have children: " + path;
        case ErrorCode::quota_exceeded:
            return "Quota has exceeded : " + path;
        case ErrorCode::new_config_no_quorum:
            return "No quorum of new config is connected and up-to-date with the leader of last "
                   "committed config - start the new servers, wait until they have caught up, and "
                   "try again";
        case ErrorCode::reconfig_in_progress:
            return "Another reconfiguration is in progress; try again when it is over";
        case ErrorCode::reconfig_disabled:
            return "KeeperErrorCode = Reconfig is disabled";
        default:
            break;
    }
    return "KeeperErrorCode = " + std::string(code_text(error)) +
           (path.empty() ? "" : " for " + path);
}

std::string connection_loss_text(const std::string& path) {
    return "KeeperErrorCode = ConnectionLoss" + (path.empty() ? "" : " for " + path);
}

}  // namespace zk::cli
