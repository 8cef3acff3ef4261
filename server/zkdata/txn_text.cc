#include "zkdata/txn_text.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <variant>

#include "base/json_text.h"
#include "cli/acl_text.h"
#include "cli/json.h"

namespace zk::zkdata {
namespace {

using cli::JsonObject;

/// With milliseconds before the zone.
std::string time_text(WallMs at) {
    std::string text = utc_text(at);
    const std::size_t zone = text.rfind(" UTC");
    char part[8];
    std::snprintf(
        part, sizeof part, ".%03d", static_cast<int>(((at.value() % 1000) + 1000) % 1000));
    return zone == std::string::npos ? text : text.insert(zone, part);
}

std::string bytes_text(const jute::Buffer& data, Data wanted) {
    if (!data) return "no data";
    if (wanted == Data::size) return std::to_string(data->size()) + " bytes";
    return "data " + (is_utf8(*data) ? json_string(*data) : JsonObject().data(data).str());
}

void add_data(JsonObject& object, const jute::Buffer& data, Data wanted) {
    object.number("bytes", data ? static_cast<std::int64_t>(data->size()) : 0);
    if (wanted == Data::content || !data) object.data(data);
}

/// What a body says behind the name of its operation, in both forms.
class BodyWords {
  public:
    explicit BodyWords(Data data) : data_(data) {}

    void operator()(const jute::ErrorTxn& txn) {
        text_ =
            std::to_string(static_cast<int>(txn.error)) + " " + std::string(to_string(txn.error));
        json_.number("error", static_cast<int>(txn.error));
    }
    void operator()(const jute::CreateTxn& txn) {
        create(txn.path, txn.data, txn.acl, txn.parent_cversion);
        if (txn.ephemeral) text_ += " ephemeral";
        json_.flag("ephemeral", txn.ephemeral);
    }
    void operator()(const jute::CreateContainerTxn& txn) {
        create(txn.path, txn.data, txn.acl, txn.parent_cversion);
    }
    void operator()(const jute::CreateTtlTxn& txn) {
        create(txn.path, txn.data, txn.acl, txn.parent_cversion);
        text_ += " ttl " + std::to_string(txn.ttl_ms) + " ms";
        json_.number("ttl", txn.ttl_ms);
    }
    void operator()(const jute::DeleteTxn& txn) { at(txn.path); }
    void operator()(const jute::SetDataTxn& txn) {
        at(txn.path);
        text_ += " version " + std::to_string(txn.version) + " " + bytes_text(txn.data, data_);
        json_.number("version", txn.version);
        add_data(json_, txn.data, data_);
    }
    void operator()(const jute::SetAclTxn& txn) {
        at(txn.path);
        text_ += " version " + std::to_string(txn.version) + " acl " + acl_line(txn.acl);
        json_.number("version", txn.version).raw("acl", cli::acl_json(txn.acl));
    }
    void operator()(const jute::CheckVersionTxn& txn) {
        at(txn.path);
        text_ += " version " + std::to_string(txn.version);
        json_.number("version", txn.version);
    }
    void operator()(const jute::CreateSessionTxn& txn) {
        text_ = std::to_string(txn.timeout_ms);
        json_.number("timeout", txn.timeout_ms);
    }
    void operator()(const jute::CloseSessionTxn& txn) {
        if (!txn.paths) return;
        for (const std::string& path : *txn.paths)
            text_ += (text_.empty() ? "" : " ") + plain_text(path);
        json_.raw("paths", cli::json_list(*txn.paths));
    }
    void operator()(const jute::MultiTxn& txn) {
        text_ = std::to_string(txn.parts.size()) + " parts";
        std::string parts;
        for (const jute::SubTxn& part : txn.parts) {
            jute::InputArchive archive(part.body);
            const auto body = jute::decode_txn_body(part.type, archive);
            BodyWords words(data_);
            if (body.has_value()) {
                std::visit(words, *body);
            } else {
                words.unreadable(body.error().message());
            }
            text_ += "; " + std::string(to_string(part.type));
            if (!words.text_.empty()) text_ += " " + words.text_;
            words.json_.text("type", to_string(part.type));
            parts += (parts.empty() ? "" : ",") + words.json_.str();
        }
        json_.raw("parts", "[" + parts + "]");
    }

    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] std::string members() const {
        const std::string object = json_.str();
        return object.substr(1, object.size() - 2);
    }

  private:
    void at(const std::string& path) {
        text_ = plain_text(path);
        json_.text("path", path);
    }
    void create(const std::string& path,
                const jute::Buffer& data,
                const jute::AclList& acl,
                std::int32_t parent_cversion) {
        at(path);
        text_ += " acl " + acl_line(acl) + " " + bytes_text(data, data_);
        json_.raw("acl", cli::acl_json(acl)).number("parentCVersion", parent_cversion);
        add_data(json_, data, data_);
    }
    void unreadable(const std::string& why) {
        text_ = "unreadable: " + why;
        json_.text("unreadable", why);
    }

    Data data_;
    std::string text_;
    JsonObject json_;
};

BodyWords words_of(const jute::Txn& txn, Data data) {
    BodyWords words(data);
    std::visit(words, txn.body);
    return words;
}

jute::Buffer owned(const std::optional<ByteView>& data) {
    jute::Buffer buffer;
    if (data) buffer.emplace(*data);
    return buffer;
}

}  // namespace

std::string txn_text(const jute::Txn& txn, Data data) {
    const jute::TxnHeader& header = txn.header;
    std::string line = time_text(header.time) + " session " + to_string(header.session) + " cxid " +
                       to_hex(header.cxid.value()) + " zxid " + to_string(header.zxid) + " " +
                       std::string(to_string(header.type));
    const BodyWords words = words_of(txn, data);
    if (!words.text().empty()) line += " " + words.text();
    return line + "\n";
}

std::string txn_json(const jute::Txn& txn, std::uint64_t offset, Data data) {
    const jute::TxnHeader& header = txn.header;
    JsonObject object;
    object.text("kind", "txn")
        .number("offset", static_cast<std::int64_t>(offset))
        .text("zxid", to_string(header.zxid))
        .text("session", to_string(header.session))
        .number("cxid", header.cxid.value())
        .number("time", header.time.value())
        .text("type", to_string(header.type));
    if (txn.digest) {
        object.number("digestVersion", txn.digest->version)
            .text("digest", to_hex(static_cast<std::int64_t>(txn.digest->tree_digest)));
    }
    const std::string members = words_of(txn, data).members();
    std::string line = object.str();
    if (!members.empty()) line.insert(line.size() - 1, "," + members);
    return line + "\n";
}

std::string shown_path(std::string_view path) { return path.empty() ? "/" : std::string(path); }

std::string plain_text(std::string_view text) {
    const bool plain = std::ranges::all_of(text, [](char byte) {
        return static_cast<unsigned char>(byte) > ' ' && byte != '"' && byte != '\x7f';
    });
    return plain && !text.empty() && is_utf8(text) ? std::string(text) : json_string(text);
}

std::string acl_line(const jute::AclList& acl) {
    if (acl.empty()) return "none";
    std::string line;
    for (const jute::Acl& entry : acl) {
        line += (line.empty() ? "" : ",") + plain_text(entry.id.scheme + ":" + entry.id.id + ":" +
                                                       cli::perms_text(entry.perms));
    }
    return line;
}

std::string owner_text(std::int64_t ephemeral_owner) {
    if (ephemeral_owner == 0) return {};
    if (ephemeral_owner == tree::kContainerOwner) return "container";
    if (const auto ttl = tree::ttl_of(ephemeral_owner))
        return "ttl " + std::to_string(*ttl) + " ms";
    return "ephemeral of " + to_hex(ephemeral_owner);
}

std::string node_text(const tree::Walk::VisitedNode& node, const jute::AclList& acl, Data data) {
    const tree::StatPersisted& stat = node.stat;
    std::string line = plain_text(shown_path(node.path)) + " czxid " + to_string(stat.czxid) +
                       " mzxid " + to_string(stat.mzxid) + " pzxid " + to_string(stat.pzxid) +
                       " ctime " + std::to_string(stat.ctime.value()) + " mtime " +
                       std::to_string(stat.mtime.value()) + " version " +
                       std::to_string(stat.version) + " cversion " + std::to_string(stat.cversion) +
                       " aversion " + std::to_string(stat.aversion) + " acl " + acl_line(acl);
    const std::string owner = owner_text(stat.ephemeral_owner);
    if (!owner.empty()) line += " " + owner;
    return line + " " + bytes_text(owned(node.data), data) + "\n";
}

std::string node_json(const tree::Walk::VisitedNode& node, const jute::AclList& acl, Data data) {
    JsonObject object;
    object.text("kind", "node").text("path", shown_path(node.path));
    cli::add_counters(object, node.stat).raw("acl", cli::acl_json(acl));
    add_data(object, owned(node.data), data);
    return object.str() + "\n";
}

}  // namespace zk::zkdata
