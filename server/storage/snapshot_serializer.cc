#include <utility>

#include "base/check.h"
#include "base/checksum.h"
#include "jute/archive.h"
#include "storage/snapshot.h"
#include "storage/snapshot_format.h"

namespace zk::storage {

struct SnapshotSerializer::State {
    State(const tree::DataTree& of, SessionTable session_table, Form as, DigestSection with)
        : tree(of),
          sessions(std::move(session_table)),
          acls(of.acl().all()),
          walk(of),
          form(as),
          section(with) {}

    enum class Part { head, nodes, tail, over };

    void write_head(jute::OutputArchive& archive);
    /// False when the walk has ended.
    bool write_node(jute::OutputArchive& archive);
    void write_tail(Bytes& out, std::size_t hashed_from);
    void hash(ByteView bytes) { adler = adler32(adler, bytes); }

    const tree::DataTree& tree;
    SessionTable sessions;
    std::vector<std::pair<tree::AclId, jute::AclList>> acls;  // as of the walk's beginning
    tree::Walk walk;
    Form form;
    DigestSection section;
    Part part = Part::head;
    std::uint32_t adler = kAdler32Start;
    Zxid end_zxid;
    tree::Walk::VisitedNode node;  // reused
};

SnapshotSerializer::SnapshotSerializer(const tree::DataTree& tree,
                                       SessionTable sessions,
                                       Form form,
                                       DigestSection section)
    : state_(std::make_unique<State>(tree, std::move(sessions), form, section)) {}
SnapshotSerializer::~SnapshotSerializer() = default;
SnapshotSerializer::SnapshotSerializer(SnapshotSerializer&&) noexcept = default;

Zxid SnapshotSerializer::zxid() const { return state_->walk.start_zxid(); }
Zxid SnapshotSerializer::end_zxid() const { return state_->end_zxid; }
bool SnapshotSerializer::aborted() const { return state_->walk.aborted(); }

bool SnapshotSerializer::next_chunk(Bytes& out, std::size_t bytes_max) {
    using Part = State::Part;
    State& state = *state_;
    if (state.part == Part::over) return false;
    const std::size_t begin = out.size();
    jute::OutputArchive archive(out);
    if (state.part == Part::head) {
        state.write_head(archive);
        state.part = Part::nodes;
    }
    while (state.part == Part::nodes && out.size() - begin < bytes_max) {
        if (!state.write_node(archive)) state.part = Part::tail;
    }
    if (state.walk.aborted()) {
        ZK_COVERED("storage.snapshot_walk_aborted");
        state.part = Part::over;
        return false;
    }
    if (state.part != Part::tail) {
        state.hash(ByteView(out).substr(begin));
        return true;
    }
    state.end_zxid = state.tree.last_zxid();
    state.write_tail(out, begin);
    state.part = Part::over;
    return false;
}

void SnapshotSerializer::State::write_head(jute::OutputArchive& archive) {
    if (form == Form::file) archive(kSnapshotMagic, kSnapshotVersion, kSnapshotDbid);
    archive.write(static_cast<std::int32_t>(sessions.size()));
    for (const auto& [session, timeout_ms] : sessions) archive(session, timeout_ms);
    archive.write(static_cast<std::int32_t>(acls.size()));
    for (const auto& [id, list] : acls) archive(id, list);
    acls.clear();
    sessions.clear();
}

bool SnapshotSerializer::State::write_node(jute::OutputArchive& archive) {
    if (!walk.next(node)) return false;
    archive.write(node.path);
    if (node.data) {
        archive.write(*node.data);
    } else {
        archive.write(std::int32_t{-1});
    }
    archive(node.acl, node.stat);
    return true;
}

void SnapshotSerializer::State::write_tail(Bytes& out, std::size_t hashed_from) {
    jute::OutputArchive archive(out);
    archive.write(kSnapshotEnd);
    if (form == Form::wire) {
        archive.write(kSnapshotWireSignature);
        return;
    }
    const auto write_checksum = [&] {
        hash(ByteView(out).substr(hashed_from));
        hashed_from = out.size();
        archive(static_cast<std::int64_t>(adler), kSnapshotEnd);
    };
    write_checksum();
    if (section == DigestSection::no) return;
    // Like ZooKeeper, a database that has seen no txn has no digest yet.
    archive(end_zxid, kDigestVersion, end_zxid == Zxid() ? std::uint64_t{0} : tree.digest());
    write_checksum();
    // As since 3.9: a file that has lost its name can be restored.
    archive.write(end_zxid);
    write_checksum();
}

}  // namespace zk::storage
