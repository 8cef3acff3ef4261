#include <utility>

#include "base/check.h"
#include "base/checksum.h"
#include "jute/archive.h"
#include "jute/protocol.h"
#include "storage/snapshot.h"
#include "storage/snapshot_format.h"

namespace zk::storage {
namespace {

Error corrupt(const std::string& what) { return {Errc::corrupt, "snapshot: " + what}; }

/// Reads what has arrived so far: each get is false when bytes are still missing, and fails on an
/// impossible length.
class Cursor {
  public:
    explicit Cursor(ByteView bytes) : bytes_(bytes) {}

    template <class Int>
    bool get(Int& value) {
        if (bytes_.size() - position_ < sizeof(Int)) return false;
        value = load_be<Int>(bytes_.data() + position_);
        position_ += sizeof(Int);
        return true;
    }
    Result<bool> get_string(ByteView& text) {
        std::optional<ByteView> buffer;
        ZK_TRY(const bool there, get_buffer(buffer));
        if (!there) return false;
        if (!buffer) return corrupt("null where a text must be");
        text = *buffer;
        return true;
    }
    Result<bool> get_buffer(std::optional<ByteView>& buffer) {
        std::int32_t length = 0;
        if (!get(length)) return false;
        if (length < -1 || length > kSnapshotStringMax) {
            return corrupt("unreasonable length " + std::to_string(length));
        }
        buffer.reset();
        if (length == -1) return true;
        const auto size = static_cast<std::size_t>(length);
        if (bytes_.size() - position_ < size) return false;
        buffer = bytes_.substr(position_, size);
        position_ += size;
        return true;
    }
    bool get_bytes(std::size_t size, ByteView& bytes) {
        if (bytes_.size() - position_ < size) return false;
        bytes = bytes_.substr(position_, size);
        position_ += size;
        return true;
    }
    [[nodiscard]] std::size_t position() const { return position_; }

  private:
    ByteView bytes_;
    std::size_t position_ = 0;
};

constexpr std::size_t kStatBytes = 60;

}  // namespace

struct SnapshotParser::State {
    State(Form as, Purpose for_purpose) : form(as), purpose(for_purpose) {
        part = form == Form::file ? Part::header : Part::session_count;
        if (purpose == Purpose::load) {
            tree = std::make_unique<tree::DataTree>();
            tree->clear_for_load();
        }
    }
    enum class Part {
        header,
        session_count,
        sessions,
        acl_count,
        acls,
        nodes,
        signature,
        tail,
        done
    };

    /// Parses one item from the front of the buffered bytes. False when it has not arrived whole.
    Result<bool> step(Cursor& cursor);
    Result<bool> read_header(Cursor& cursor);
    Result<bool> read_session(Cursor& cursor);
    Result<bool> read_acl(Cursor& cursor);
    Result<bool> read_node(Cursor& cursor);
    Result<bool> read_signature(Cursor& cursor);
    Result<> check_tail(ByteView bytes);
    Result<> check_seal(jute::InputArchive& archive, ByteView all);

    Form form;
    Purpose purpose;
    Part part;
    std::unique_ptr<tree::DataTree> tree;
    SessionTable sessions;
    std::optional<SnapshotDigest> digest;
    std::optional<Zxid> end_zxid;
    Bytes buffer;  // arrived, not yet parsed, from `parsed`
    std::size_t parsed = 0;
    std::uint64_t dropped = 0;    // bytes that have left the buffer
    std::int32_t items_left = 0;  // of sessions or acls
    std::uint32_t adler = kAdler32Start;
    std::size_t hashed_tail = 0;  // bytes of the tail already in adler
};

SnapshotParser::SnapshotParser(Form form, Purpose purpose)
    : state_(std::make_unique<State>(form, purpose)) {}
SnapshotParser::~SnapshotParser() = default;
SnapshotParser::SnapshotParser(SnapshotParser&&) noexcept = default;

bool SnapshotParser::done() const { return state_->part == State::Part::done; }
std::optional<SnapshotDigest> SnapshotParser::digest() const { return state_->digest; }
std::optional<Zxid> SnapshotParser::end_zxid() const { return state_->end_zxid; }
std::uint64_t SnapshotParser::offset() const {
    return state_->dropped + state_->parsed + state_->hashed_tail;
}
SessionTable SnapshotParser::take_sessions() { return std::move(state_->sessions); }
std::unique_ptr<tree::DataTree> SnapshotParser::take_tree() {
    ZK_ASSERT(done() && state_->tree != nullptr);
    return std::move(state_->tree);
}

Result<std::size_t> SnapshotParser::feed(ByteView bytes) {
    using Part = State::Part;
    State& state = *state_;
    if (state.part == Part::done) return std::size_t{0};
    state.buffer.append(bytes);
    while (state.part != Part::tail && state.part != Part::done) {
        const ByteView rest = ByteView(state.buffer).substr(state.parsed);
        Cursor cursor(rest);
        ZK_TRY(const bool whole, state.step(cursor));
        if (!whole) break;
        state.parsed += cursor.position();
    }
    if (state.form == Form::file) {
        state.adler = adler32(state.adler, ByteView(state.buffer).substr(0, state.parsed));
    }
    std::size_t taken = bytes.size();
    if (state.part == Part::done) taken -= state.buffer.size() - state.parsed;
    state.buffer.erase(0, state.parsed);
    state.dropped += state.parsed;
    state.parsed = 0;
    if (state.part == Part::tail && state.buffer.size() > kSnapshotTailMax) {
        return corrupt("bytes follow its end");
    }
    return taken;
}

Result<> SnapshotParser::finish() {
    State& state = *state_;
    ZK_ASSERT(state.form == Form::file);
    if (state.part != State::Part::tail) return corrupt("the file ends too early");
    ZK_CHECK(state.check_tail(state.buffer));
    state.part = State::Part::done;
    return ok();
}

Result<bool> SnapshotParser::State::step(Cursor& cursor) {
    switch (part) {
        case Part::header:
            return read_header(cursor);
        case Part::session_count:
        case Part::acl_count:
            if (!cursor.get(items_left)) return false;
            if (items_left < 0) return corrupt("negative count");
            part = part == Part::session_count ? Part::sessions : Part::acls;
            return true;
        case Part::sessions:
            return read_session(cursor);
        case Part::acls:
            return read_acl(cursor);
        case Part::nodes:
            return read_node(cursor);
        case Part::signature:
            return read_signature(cursor);
        case Part::tail:
        case Part::done:
            break;
    }
    ZK_ASSERT(false && "no items in this part");
    return false;
}

Result<bool> SnapshotParser::State::read_header(Cursor& cursor) {
    std::int32_t magic = 0;
    std::int32_t version = 0;
    std::int64_t dbid = 0;
    if (!cursor.get(magic) || !cursor.get(version) || !cursor.get(dbid)) return false;
    if (magic != kSnapshotMagic) return corrupt("magic is not ZKSN");
    part = Part::session_count;
    return true;
}

Result<bool> SnapshotParser::State::read_session(Cursor& cursor) {
    if (items_left == 0) {
        part = Part::acl_count;
        return true;
    }
    std::int64_t session = 0;
    std::int32_t timeout_ms = 0;
    if (!cursor.get(session) || !cursor.get(timeout_ms)) return false;
    --items_left;
    sessions[SessionId(session)] = timeout_ms;
    return true;
}

Result<bool> SnapshotParser::State::read_acl(Cursor& cursor) {
    if (items_left == 0) {
        part = Part::nodes;
        return true;
    }
    std::int64_t id = 0;
    std::int32_t count = 0;
    if (!cursor.get(id) || !cursor.get(count)) return false;
    if (count < 0) return corrupt("ACL list without a list");
    jute::AclList list;
    for (std::int32_t i = 0; i < count; ++i) {
        jute::Acl acl;
        ByteView scheme;
        std::optional<ByteView> name;
        if (!cursor.get(acl.perms)) return false;
        ZK_TRY(const bool has_scheme, cursor.get_string(scheme));
        if (!has_scheme) return false;
        ZK_TRY(const bool has_name, cursor.get_buffer(name));
        if (!has_name) return false;
        acl.id.scheme = scheme;
        acl.id.id = name.value_or("");
        list.push_back(std::move(acl));
    }
    --items_left;
    if (tree) tree->acl().load(tree::AclId(id), list);
    return true;
}

Result<bool> SnapshotParser::State::read_node(Cursor& cursor) {
    ByteView path;
    ZK_TRY(const bool has_path, cursor.get_string(path));
    if (!has_path) return false;
    if (path == kSnapshotEnd) {
        if (tree) ZK_CHECK(tree->finish_load());
        part = form == Form::file ? Part::tail : Part::signature;
        return true;
    }
    std::optional<ByteView> data;
    ZK_TRY(const bool has_data, cursor.get_buffer(data));
    std::int64_t acl = 0;
    ByteView stat_bytes;
    if (!has_data || !cursor.get(acl) || !cursor.get_bytes(kStatBytes, stat_bytes)) return false;
    jute::InputArchive archive(stat_bytes);
    const auto stat = archive.get<tree::StatPersisted>();
    ZK_ASSERT(archive.ok() && archive.at_end());
    if (tree) ZK_CHECK(tree->load_node(path, data, tree::AclId(acl), stat));
    return true;
}

Result<bool> SnapshotParser::State::read_signature(Cursor& cursor) {
    ByteView text;
    ZK_TRY(const bool there, cursor.get_string(text));
    if (!there) return false;
    if (text != kSnapshotWireSignature) return corrupt("the stream does not end in BenWasHere");
    part = Part::done;
    return true;
}

// A checksum over everything before it, then "/".
Result<> SnapshotParser::State::check_seal(jute::InputArchive& archive, ByteView all) {
    const std::size_t before = archive.position();
    adler = adler32(adler, all.substr(hashed_tail, before - hashed_tail));
    hashed_tail = before;
    const auto checksum = archive.get<std::int64_t>();
    const auto end = archive.get<std::string>();
    if (!archive.ok()) return corrupt("the file ends too early");
    if (checksum != static_cast<std::int64_t>(adler)) return corrupt("wrong checksum");
    if (end != kSnapshotEnd) return corrupt("no \"/\" behind a checksum");
    return ok();
}

// Checksum of the nodes; then nothing, or a digest section, or a zxid section (3.9+), or both.
Result<> SnapshotParser::State::check_tail(ByteView bytes) {
    constexpr std::size_t kZxidSectionBytes = 8 + 8 + 5;
    jute::InputArchive archive(bytes);
    ZK_CHECK(check_seal(archive, bytes));
    if (archive.at_end()) return ok();
    if (archive.rest().size() != kZxidSectionBytes) {
        SnapshotDigest section;
        std::int32_t version = 0;
        archive(section.zxid, version);
        end_zxid = section.zxid;
        if (version < kDigestVersion) {
            (void)archive.get<std::string>();  // text of another algorithm: not comparable
        } else {
            archive.read(section.digest);
            if (version == kDigestVersion) digest = section;
        }
        ZK_CHECK(check_seal(archive, bytes));
        if (archive.at_end()) return ok();
    }
    end_zxid = archive.get<Zxid>();  // for a file that has a name the name counts
    ZK_CHECK(check_seal(archive, bytes));
    if (!archive.at_end()) return corrupt("bytes follow its end");
    return ok();
}

}  // namespace zk::storage
