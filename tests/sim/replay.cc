#include "sim/replay.h"

#include <algorithm>
#include <cstdio>
#include <type_traits>
#include <utility>

#include "jute/archive.h"

namespace zk::sim {
namespace {

const auto kNoData = std::make_shared<const jute::Buffer>(Bytes());
const auto kOpenList = std::make_shared<const jute::AclList>(
    jute::AclList{{.perms = perms::kAll, .id = {"world", "anyone"}}});

std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string child_path(const std::string& parent, const std::string& name) {
    return parent == "/" ? "/" + name : parent + "/" + name;
}

std::string suffix(std::int32_t count) {
    char text[16];
    std::snprintf(text, sizeof text, "%010d", count);
    return text;
}

template <class T>
std::shared_ptr<const T> share(T value) {
    return std::make_shared<const T>(std::move(value));
}

/// What the list of a create or setACL becomes; nullopt: refused. Duplicates vanish, "auth" stands for who asks.
std::optional<jute::AclList> stored_acl(const jute::AclList& list,
                                        const std::vector<jute::AuthId>& auth) {
    if (list.empty()) return std::nullopt;
    jute::AclList out;
    for (const jute::Acl& entry : list) {
        if (entry.id.scheme != "auth") {
            if (std::find(out.begin(), out.end(), entry) == out.end()) out.push_back(entry);
            continue;
        }
        if (auth.empty()) return std::nullopt;
        for (const jute::AuthId& id : auth) out.push_back({entry.perms, id});
    }
    return out;
}

jute::AclList masked(jute::AclList list) {
    for (jute::Acl& entry : list) {
        if (entry.id.scheme == "digest")
            entry.id.id = entry.id.id.substr(0, entry.id.id.find(':')) + ":x";
    }
    return list;
}

Bytes encode_body(const jute::TxnBody& body) {
    return std::visit([](const auto& record) { return jute::encode(record); }, body);
}

/// One operation of a request, done: its txn and its answer.
struct Done {
    ErrorCode error = ErrorCode::ok;
    OpCode type = OpCode::error;
    jute::TxnBody txn;
    std::string path;
    jute::Stat stat;
};

Done refused(ErrorCode error) { return {error, OpCode::error, jute::ErrorTxn{error}, {}, {}}; }

}  // namespace

bool grants(const jute::AclList& list, std::int32_t needed, const std::vector<jute::AuthId>& auth) {
    for (const jute::Acl& entry : list) {
        if ((entry.perms & needed) == 0) continue;
        if (entry.id.scheme == "world") return true;
        if (std::find(auth.begin(), auth.end(), entry.id) != auth.end()) return true;
    }
    return list.empty();
}

jute::Stat ModelNode::stat() const {
    jute::Stat s;
    s.czxid = czxid;
    s.mzxid = mzxid;
    s.pzxid = pzxid;
    s.ctime = ctime;
    s.mtime = mtime;
    s.version = version;
    s.cversion = 2 * creates - children;
    s.aversion = aversion;
    s.ephemeral_owner = owner;
    s.data_length = *data ? static_cast<std::int32_t>((*data)->size()) : 0;
    s.children_count = children;
    return s;
}

/// A txn on its way into the model: what it changes is seen by its own later parts only, until it is kept.
struct Replay::Step {
    const Replay& replay;
    const jute::TxnHeader& header;
    const std::vector<jute::AuthId>& auth;
    std::map<std::string, ModelNodeRef> changed;
    std::vector<std::pair<std::string, ModelChange>> data_changes, child_changes;

    [[nodiscard]] ModelNodeRef get(const std::string& path) const {
        const auto found = changed.find(path);
        return found == changed.end() ? replay.current(path) : found->second;
    }
    void put(const std::string& path, ModelNode node) { changed[path] = share(std::move(node)); }
    void tell_data(const std::string& path,
                   EventType type,
                   std::shared_ptr<const jute::AclList> acl) {
        data_changes.emplace_back(path, ModelChange{header.zxid, type, std::move(acl)});
    }
    void tell_child(const std::string& path,
                    EventType type,
                    std::shared_ptr<const jute::AclList> acl) {
        child_changes.emplace_back(path, ModelChange{header.zxid, type, std::move(acl)});
    }

    Done create(const jute::CreateRequest& request, OpCode type, std::int64_t ttl_ms = 0) {
        auto acl = stored_acl(request.acl, auth);
        if (!acl) return refused(ErrorCode::invalid_acl);
        const std::string parent_path = parent_of(request.path);
        const ModelNodeRef parent = get(parent_path);
        if (!parent) return refused(ErrorCode::no_node);
        if (!grants(*parent->acl, perms::kCreate, auth)) return refused(ErrorCode::no_auth);
        std::string path = request.path;
        if (is_sequential(request.flags)) path += suffix(parent->creates);
        if (get(path)) return refused(ErrorCode::node_exists);
        if (parent->owner != 0) return refused(ErrorCode::no_children_for_ephemerals);
        ModelNode above = *parent;
        above.creates += 1;
        above.children += 1;
        above.pzxid = header.zxid;
        const bool container = type == OpCode::create_container;
        const bool ephemeral = is_ephemeral(request.flags);
        ModelNode node;
        node.container = container;
        node.ttl_ms = ttl_ms;
        node.data = share(request.data);
        node.acl = *acl == *kOpenList ? kOpenList : share(*acl);
        node.czxid = node.mzxid = node.pzxid = header.zxid;
        node.ctime = node.mtime = header.time;
        node.owner = ephemeral ? header.session.value() : 0;
        tell_data(path, EventType::node_created, node.acl);
        tell_child(parent_path, EventType::node_children_changed, above.acl);
        jute::TxnBody txn = jute::CreateTxn{path, request.data, *acl, ephemeral, above.creates};
        if (container) {
            txn = jute::CreateContainerTxn{path, request.data, *acl, above.creates};
        } else if (ttl_ms != 0) {
            txn = jute::CreateTtlTxn{path, request.data, *acl, above.creates, ttl_ms};
        }
        const jute::Stat stat = node.stat();
        put(parent_path, std::move(above));
        put(path, std::move(node));
        return {ErrorCode::ok, type, txn, path, stat};
    }

    void take_away(const std::string& path, const ModelNode& node) {
        const std::string parent_path = parent_of(path);
        ModelNode above = *get(parent_path);
        above.children -= 1;
        above.pzxid = header.zxid;
        tell_data(path, EventType::node_deleted, node.acl);
        tell_child(path, EventType::node_deleted, node.acl);
        tell_child(parent_path, EventType::node_children_changed, above.acl);
        put(parent_path, std::move(above));
        changed[path] = nullptr;
    }

    Done remove(const jute::DeleteRequest& request) {
        const ModelNodeRef parent = get(parent_of(request.path));
        if (!parent) return refused(ErrorCode::no_node);
        if (!grants(*parent->acl, perms::kDelete, auth)) return refused(ErrorCode::no_auth);
        const ModelNodeRef node = get(request.path);
        if (!node) return refused(ErrorCode::no_node);
        if (request.version != -1 && request.version != node->version) {
            return refused(ErrorCode::bad_version);
        }
        if (node->children > 0) return refused(ErrorCode::not_empty);
        take_away(request.path, *node);
        return {ErrorCode::ok, OpCode::remove, jute::DeleteTxn{request.path}, request.path, {}};
    }

    Done set_data(const jute::SetDataRequest& request) {
        const ModelNodeRef node = get(request.path);
        if (!node) return refused(ErrorCode::no_node);
        if (!grants(*node->acl, perms::kWrite, auth)) return refused(ErrorCode::no_auth);
        if (request.version != -1 && request.version != node->version) {
            return refused(ErrorCode::bad_version);
        }
        ModelNode next = *node;
        next.data = share(request.data);
        next.version += 1;
        next.mzxid = header.zxid;
        next.mtime = header.time;
        tell_data(request.path, EventType::node_data_changed, next.acl);
        const jute::Stat stat = next.stat();
        const jute::SetDataTxn txn{request.path, request.data, next.version};
        put(request.path, std::move(next));
        return {ErrorCode::ok, OpCode::set_data, txn, request.path, stat};
    }

    Done set_acl(const jute::SetAclRequest& request) {
        auto acl = stored_acl(request.acl, auth);
        if (!acl) return refused(ErrorCode::invalid_acl);
        const ModelNodeRef node = get(request.path);
        if (!node) return refused(ErrorCode::no_node);
        if (!grants(*node->acl, perms::kAdmin, auth)) return refused(ErrorCode::no_auth);
        if (request.version != -1 && request.version != node->aversion) {
            return refused(ErrorCode::bad_version);
        }
        ModelNode next = *node;
        next.acl = share(*acl);
        next.aversion += 1;
        const jute::Stat stat = next.stat();
        const jute::SetAclTxn txn{request.path, *acl, next.aversion};
        put(request.path, std::move(next));
        return {ErrorCode::ok, OpCode::set_acl, txn, request.path, stat};
    }

    [[nodiscard]] Done check(const jute::CheckVersionRequest& request) const {
        const ModelNodeRef node = get(request.path);
        if (!node) return refused(ErrorCode::no_node);
        if (!grants(*node->acl, perms::kRead, auth)) return refused(ErrorCode::no_auth);
        if (request.version != -1 && request.version != node->version) {
            return refused(ErrorCode::bad_version);
        }
        return {ErrorCode::ok,
                OpCode::check,
                jute::CheckVersionTxn{request.path, node->version + 1},
                request.path,
                {}};
    }

    Done part(OpCode op, jute::InputArchive& archive) {
        switch (op) {
            case OpCode::create:
            case OpCode::create2:
            case OpCode::create_container:
                return create(archive.get<jute::CreateRequest>(), op);
            case OpCode::create_ttl: {
                const auto request = archive.get<jute::CreateRequest>();
                return create(request, op, archive.get<std::int64_t>());
            }
            case OpCode::remove:
                return remove(archive.get<jute::DeleteRequest>());
            case OpCode::set_data:
                return set_data(archive.get<jute::SetDataRequest>());
            case OpCode::set_acl:
                return set_acl(archive.get<jute::SetAclRequest>());
            case OpCode::check:
                return check(archive.get<jute::CheckVersionRequest>());
            default:
                return refused(ErrorCode::unimplemented);
        }
    }

    Done single(const SentRequest& request, Answer& answer) {
        jute::InputArchive archive(request.body);
        Done done = part(request.op, archive);
        answer.error = done.error;
        jute::OutputArchive out(answer.body);
        if (done.error != ErrorCode::ok) return done;
        const bool creates = std::holds_alternative<jute::CreateTxn>(done.txn) ||
                             std::holds_alternative<jute::CreateContainerTxn>(done.txn) ||
                             std::holds_alternative<jute::CreateTtlTxn>(done.txn);
        if (creates) out(done.path);
        if (creates ? request.op != OpCode::create : request.op != OpCode::remove) out(done.stat);
        return done;
    }

    /// All or nothing; a multi that fails is answered without an error of its own. `refusal`: what its first part is told
    /// because of its session.
    Done multi(const SentRequest& request, std::optional<ErrorCode> refusal, Answer& answer) {
        std::vector<Done> parts;
        ErrorCode failure = ErrorCode::ok;
        jute::InputArchive archive(request.body);
        while (true) {
            const auto head = archive.get<jute::MultiHeader>();
            if (!archive.ok() || head.done) break;
            if (failure == ErrorCode::ok && !refusal) {
                parts.push_back(part(head.type, archive));
            } else {  // only to get past it
                Step other{replay, header, auth, {}, {}, {}};
                (void)other.part(head.type, archive);
                parts.push_back(refused(
                    failure == ErrorCode::ok ? *refusal : ErrorCode::runtime_inconsistency));
            }
            if (failure == ErrorCode::ok) failure = parts.back().error;
        }
        jute::MultiTxn txn;
        jute::OutputArchive out(answer.body);
        for (const Done& done : parts) {
            txn.parts.push_back({done.type, encode_body(done.txn)});
            if (failure != ErrorCode::ok) {
                out(jute::MultiHeader{OpCode::error, false, done.error}, done.error);
                continue;
            }
            out(jute::MultiHeader{done.type, false, ErrorCode::ok});
            if (done.type == OpCode::create) out(done.path);
            if (done.type == OpCode::set_data) out(done.stat);
        }
        out(jute::MultiHeader{OpCode::error, true, static_cast<ErrorCode>(-1)});
        if (failure != ErrorCode::ok) {
            changed.clear();
            data_changes.clear();
            child_changes.clear();
        }
        return {ErrorCode::ok, OpCode::multi, txn, {}, {}};
    }
};

Replay::Replay(Complain complain, bool local_sessions)
    : complain_(std::move(complain)), local_sessions_(local_sessions) {
    // The nodes that are there before the first txn. The contents of /zookeeper are not asked for.
    const auto built_in = [this](const std::string& path, std::int32_t children) {
        ModelNode node;
        node.data = kNoData;
        node.acl = kOpenList;
        node.children = children;
        nodes_[path].push_back({Zxid(), share(std::move(node))});
    };
    built_in("/", 1);
    built_in("/zookeeper", 2);
}

void Replay::complain(const jute::Txn& txn, const std::string& what) const {
    complain_("txn " + to_string(txn.header.zxid) + " (" + std::string(to_string(txn.header.type)) +
              " of session " + to_string(txn.header.session) + ", xid " +
              to_string(txn.header.cxid) + ") " + what);
}

ModelNodeRef Replay::current(const std::string& path) const {
    const auto found = nodes_.find(path);
    return found == nodes_.end() ? nullptr : found->second.back().node;
}

ModelNodeRef Replay::node(const std::string& path, Zxid zxid) const {
    const auto found = nodes_.find(path);
    if (found == nodes_.end()) return nullptr;
    const auto& versions = found->second;
    const auto next =
        std::upper_bound(versions.begin(), versions.end(), zxid, [](Zxid z, const Version& v) {
            return z < v.zxid;
        });
    return next == versions.begin() ? nullptr : std::prev(next)->node;
}

const Committed* Replay::find(Zxid zxid) const {
    const auto found = history_.find(zxid);
    return found == history_.end() ? nullptr : &found->second;
}

Zxid Replay::last_txn(Zxid zxid) const {
    const auto next = history_.upper_bound(zxid);
    return next == history_.begin() ? Zxid() : std::prev(next)->first;
}

void Replay::commit(const jute::Txn& txn,
                    const SentRequest* asked,
                    std::optional<ErrorCode> refusal) {
    const jute::TxnHeader& header = txn.header;
    if (header.zxid <= last_) return complain(txn, "comes behind " + to_string(last_));
    last_ = header.zxid;
    Committed& entry = history_[header.zxid];
    entry = {header.session, header.cxid, header.type, {}};
    if (header.type == OpCode::create_session) {
        if (!known_.insert(header.session).second) complain(txn, "opens the session again");
        open_.insert(header.session);
        return;
    }
    if (const auto* body = std::get_if<jute::CloseSessionTxn>(&txn.body))
        return close_session(txn, *body);
    if (header.type == OpCode::delete_container) return delete_left_over(txn);
    const auto* error = std::get_if<jute::ErrorTxn>(&txn.body);
    if (error != nullptr) entry.answer.error = error->error;
    if (asked == nullptr) return;
    const bool may_be_local = local_sessions_ && !known_.contains(header.session);
    if (error == nullptr && !refusal && !open_.contains(header.session) && !may_be_local) {
        complain(txn, "comes from a session that has ended");
    }

    Step step{*this, header, asked->auth, {}, {}, {}};
    Answer answer;
    const Done done = asked->op == OpCode::multi ? step.multi(*asked, refusal, answer)
                                                 : step.single(*asked, answer);
    entry.answer = answer;
    if (done.type != header.type || encode_body(done.txn) != encode_body(txn.body)) {
        std::string seen = std::string(to_string(header.type));
        if (error != nullptr) seen = std::string(to_string(error->error));
        if (const auto* create = std::get_if<jute::CreateTxn>(&txn.body))
            seen += " " + create->path;
        complain(txn,
                 "is " + seen + ", but the state before it makes the request " +
                     describe(asked->op, answer));
    }
    keep(step);
}

// The paths in the txn and what the session owns must be the same.
void Replay::close_session(const jute::Txn& txn, const jute::CloseSessionTxn& body) {
    open_.erase(txn.header.session);
    ended_.emplace(txn.header.session, txn.header.zxid);
    const auto owned = ephemerals_.find(txn.header.session.value());
    const std::set<std::string> own =
        owned == ephemerals_.end() ? std::set<std::string>() : owned->second;
    if (body.paths) {
        const std::set<std::string> named(body.paths->begin(), body.paths->end());
        for (const std::string& path : own) {
            if (!named.contains(path)) complain(txn, "leaves the session's ephemeral " + path);
        }
        for (const std::string& path : named) {
            if (!own.contains(path))
                complain(txn, "deletes " + path + ", which the session does not own");
        }
    }
    const std::vector<jute::AuthId> nobody;
    Step step{*this, txn.header, nobody, {}, {}, {}};
    for (const std::string& path : own) step.take_away(path, *current(path));
    keep(step);
}

// The leader's own: only what is left over may go.
void Replay::delete_left_over(const jute::Txn& txn) {
    const std::string& path = std::get<jute::DeleteTxn>(txn.body).path;
    const ModelNodeRef node = current(path);
    if (!node) return complain(txn, "deletes " + path + ", which is not there");
    const bool used_up = node->container && node->creates > 0;
    const bool too_old =
        node->ttl_ms > 0 && txn.header.time.value() - node->mtime.value() > node->ttl_ms;
    if (node->children > 0 || (!used_up && !too_old))
        complain(txn, "deletes " + path + ", which is not left over");
    const std::vector<jute::AuthId> nobody;
    Step step{*this, txn.header, nobody, {}, {}, {}};
    step.take_away(path, *node);
    keep(step);
}

void Replay::keep(Step& step) {
    const Zxid zxid = step.header.zxid;
    for (auto& [path, node] : step.changed) {
        const ModelNodeRef before = current(path);
        if (before && before->owner != 0) ephemerals_[before->owner].erase(path);
        if (node && node->owner != 0) ephemerals_[node->owner].insert(path);
        nodes_[path].push_back({zxid, node});
    }
    for (const auto& [path, change] : step.data_changes) data_changes_[path].push_back(change);
    for (const auto& [path, change] : step.child_changes) child_changes_[path].push_back(change);
    if (watching_.data) {
        for (const auto& [path, change] : step.data_changes) watching_.data(path, change);
    }
    if (watching_.child) {
        for (const auto& [path, change] : step.child_changes) watching_.child(path, change);
    }
}

namespace {
const ModelChange* next_change(
    const std::map<std::string, std::vector<ModelChange>, std::less<>>& all,
    const std::string& path,
    Zxid zxid) {
    const auto found = all.find(path);
    if (found == all.end()) return nullptr;
    const auto next = std::upper_bound(
        found->second.begin(), found->second.end(), zxid, [](Zxid z, const ModelChange& c) {
            return z < c.zxid;
        });
    return next == found->second.end() ? nullptr : &*next;
}
}  // namespace

const ModelChange* Replay::next_data_change(const std::string& path, Zxid zxid) const {
    return next_change(data_changes_, path, zxid);
}

const ModelChange* Replay::next_child_change(const std::string& path, Zxid zxid) const {
    return next_change(child_changes_, path, zxid);
}

std::string Replay::check_children(const std::string& path,
                                   const std::vector<std::string>& names,
                                   Zxid zxid) const {
    const ModelNodeRef above = node(path, zxid);
    const std::set<std::string> distinct(names.begin(), names.end());
    for (const std::string& name : distinct) {
        if (path == "/" && name == "zookeeper") continue;
        if (!node(child_path(path, name), zxid))
            return "has a child " + name + " that is not there";
    }
    if (distinct.size() != names.size()) return "names a child twice";
    if (!above || names.size() != static_cast<std::size_t>(above->children)) {
        return "has " + std::to_string(names.size()) + " children, expected " +
               std::to_string(above ? above->children : 0);
    }
    return {};
}

Answer Replay::read(const SentRequest& request, Zxid zxid) const {
    jute::InputArchive archive(request.body);
    const auto path = archive.get<std::string>();
    const ModelNodeRef found = node(path, zxid);
    if (!found) return {ErrorCode::no_node, {}};
    const bool acl = request.op == OpCode::get_acl;
    const std::int32_t needed = acl ? perms::kRead | perms::kAdmin : perms::kRead;
    if (!grants(*found->acl, needed, request.auth)) return {ErrorCode::no_auth, {}};
    Answer answer;
    jute::OutputArchive out(answer.body);
    if (request.op == OpCode::get_data) out(*found->data);
    if (acl)
        out(grants(*found->acl, perms::kAdmin, request.auth) ? *found->acl : masked(*found->acl));
    out(found->stat());  // children are checked apart
    return answer;
}

std::vector<std::string> Replay::paths() const {
    std::vector<std::string> all;
    for (const auto& [path, versions] : nodes_) all.push_back(path);
    return all;
}

std::string describe(OpCode op, const Answer& answer) {
    if (answer.error != ErrorCode::ok) return std::string(to_string(answer.error));
    jute::InputArchive archive(answer.body);
    const auto stat = [&archive] {
        const auto s = archive.get<jute::Stat>();
        return " czxid " + to_string(s.czxid) + " mzxid " + to_string(s.mzxid) + " pzxid " +
               to_string(s.pzxid) + " version " + std::to_string(s.version) + " cversion " +
               std::to_string(s.cversion) + " aversion " + std::to_string(s.aversion) + " owner " +
               to_hex(s.ephemeral_owner) + " length " + std::to_string(s.data_length) +
               " children " + std::to_string(s.children_count);
    };
    switch (op) {
        case OpCode::create:
            return "ok " + archive.get<std::string>();
        case OpCode::create2:
        case OpCode::create_container:
        case OpCode::create_ttl: {
            const auto path = archive.get<std::string>();
            return "ok " + path + stat();
        }
        case OpCode::get_data: {
            const auto data = archive.get<jute::Buffer>();
            return "ok \"" + (data ? data->substr(0, 24) : "null") + "\"" + stat();
        }
        case OpCode::get_acl: {
            std::string words = "ok";
            for (const auto& entry : archive.get<jute::AclList>()) {
                words +=
                    " " + entry.id.scheme + ":" + entry.id.id + ":" + std::to_string(entry.perms);
            }
            return words + stat();
        }
        case OpCode::exists:
        case OpCode::set_data:
        case OpCode::set_acl:
        case OpCode::get_children2:
            return "ok" + stat();
        case OpCode::multi: {
            std::string words = "ok";
            while (true) {
                const auto head = archive.get<jute::MultiHeader>();
                if (!archive.ok() || head.done) return words;
                words += " " + std::string(to_string(head.type));
                if (head.type == OpCode::create) words += " " + archive.get<std::string>();
                if (head.type == OpCode::set_data) words += stat();
                if (head.type == OpCode::error) {
                    words += " " + std::string(to_string(archive.get<ErrorCode>()));
                }
            }
        }
        default:
            return "ok";
    }
}

}  // namespace zk::sim
