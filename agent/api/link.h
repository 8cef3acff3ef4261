// What controller and agent say to each other: framed, versioned messages over one byte stream.
// Pure. The frames start after the bootstrap dialogue (over SSH) or at once (over a local pipe); the resident agent
// speaks the same on its unix socket. Table of messages: docs/LINK.md.
//
//   frame = u32 length (big-endian, of what follows), u8 type, payload (JSON, or raw bytes for blob_chunk)
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/election_record.h"
#include "agent_api/names.h"
#include "agent_api/node_facts.h"
#include "agent_api/node_health.h"
#include "agent_api/node_spec.h"
#include "agent_api/run_lock.h"
#include "agent_api/survey.h"
#include "base/bytes.h"
#include "base/result.h"

namespace zk::agent_api {

/// Raised when an old and a new program would misunderstand each other. The agent is pushed by hash, so both sides
/// of a link normally come from the same build; a resident agent may be older.
inline constexpr std::int32_t kLinkVersion = 1;
/// Bound of one frame's body: the largest specification and facts fit many times over.
inline constexpr std::size_t kFrameBytesMax = 4UL * 1024 * 1024;
/// How much of a blob goes into one frame.
inline constexpr std::size_t kBlobChunkBytes = 256UL * 1024;

enum class MessageType : std::uint8_t {
    hello = 1,          ///< controller: Hello
    hello_ok = 2,       ///< agent: HelloOk
    facts_request = 3,  ///< controller: FactsRequest
    facts = 4,          ///< agent: NodeFacts
    blob_begin = 5,     ///< controller: BlobBegin
    blob_want = 6,      ///< agent: BlobWant; send from this offset on
    blob_chunk = 7,     ///< controller: raw bytes
    blob_end = 8,       ///< controller: no payload
    /// agent: BlobOk; it is there, complete, with that hash (right after blob_begin: it was).
    blob_ok = 9,
    apply = 10,           ///< controller: Apply
    event = 11,           ///< agent: Event, any number before apply_done
    apply_done = 12,      ///< agent: ApplyDone
    health_request = 13,  ///< controller: no payload
    health = 14,          ///< agent: NodeHealth
    control = 15,         ///< controller: Control
    done = 16,            ///< agent: Done; the control was carried out
    error = 17,           ///< agent: AgentError instead of any other answer; the link stays usable
    probe_write = 18,     ///< controller: ProbeWrite
    probe_done = 19,      ///< agent: ProbeDone
    lock = 20,            ///< controller: LockRequest
    lock_state = 21,      ///< agent: LockState
    /// controller: no payload, no answer; it is there, for a session that holds the run lock.
    beat = 22,
    elections_request = 23,  ///< controller: no payload
    elections = 24,          ///< agent: Elections
    page_request = 25,       ///< controller: PageRequest
    page = 26,               ///< agent: Page
    /// controller: MemberMemory, what this node shall remember of others; answered with done.
    remember = 27,
    survey_request = 28,  ///< controller: SurveyRequest
    survey = 29,          ///< agent: HostSurvey
    log_request = 30,     ///< controller: LogRequest
    log = 31,             ///< agent: NodeLog
    /// controller: RemovalRequest (agent_api/removal.h), one stage of taking the node away.
    removal_request = 32,
    removal = 33,  ///< agent: RemovalReport
};

struct Message {
    MessageType type = MessageType::error;
    Bytes payload;
    friend bool operator==(const Message&, const Message&) = default;
};

/// The whole frame: length, type and payload.
Bytes encode_frame(MessageType type, ByteView payload);
/// Type and payload of a frame, without its length. Errc::corrupt for an empty body or an unknown type.
Result<Message> parse_body(ByteView body);

/// Cuts a byte stream into frames. Bounded; after an error it stays failed.
class FrameDecoder {
  public:
    /// Takes bytes as they come, in any pieces.
    void feed(ByteView bytes);
    /// The next whole message, nullopt when more bytes are needed, Errc::corrupt for a length of 0 or beyond
    /// kFrameBytesMax and for an unknown type.
    Result<std::optional<Message>> next();
    /// Bytes that wait for the rest of their frame.
    [[nodiscard]] std::size_t pending() const { return buffer_.size() - position_; }
    /// After an error: the beginning of what came in place of a frame.
    [[nodiscard]] ByteView refused() const { return refused_; }

  private:
    Bytes buffer_;
    std::size_t position_ = 0;
    bool failed_ = false;
    Bytes refused_;
};

struct Hello {
    std::int32_t link_version = kLinkVersion;
    std::string program;  ///< of the one who calls, for example "zkprov 0.1.0"
    static void fields(auto& archive, auto& self) {
        archive("link_version", self.link_version);
        archive("program", self.program);
    }
};

struct HelloOk {
    std::int32_t link_version = kLinkVersion;
    std::string agent_version;
    std::string agent_sha256;
    std::string state_dir;
    std::int64_t pid = 0;
    static void fields(auto& archive, auto& self) {
        archive("link_version", self.link_version);
        archive("agent_version", self.agent_version);
        archive("agent_sha256", self.agent_sha256);
        archive("state_dir", self.state_dir);
        archive("pid", self.pid);
    }
};

struct BlobBegin {
    std::string sha256;
    std::uint64_t size = 0;
    /// Where it will lie in the end, so that room is asked for on that file system; empty: the state directory.
    std::string install_dir;
    static void fields(auto& archive, auto& self) {
        archive("sha256", self.sha256);
        archive("size", self.size);
        archive("install_dir", self.install_dir);
    }
};

struct BlobWant {
    std::uint64_t offset = 0;
    static void fields(auto& archive, auto& self) { archive("offset", self.offset); }
};

struct BlobOk {
    std::string sha256;
    bool received = false;  ///< false: it was there already
    static void fields(auto& archive, auto& self) {
        archive("sha256", self.sha256);
        archive("received", self.received);
    }
};

/// What may become of a server that runs from the node's directories outside of its unit (OutsideServer).
enum class OutsideLeave {
    known,      ///< it goes on when this host is the node already; else it is in the way
    adopt,      ///< it goes on, and this host becomes the node
    take_over,  ///< it is stopped, and the unit starts in its place
};
constexpr std::array<std::string_view, 3> enum_words(OutsideLeave) {
    return {"known", "adopt", "take_over"};
}

struct Apply {
    NodeSpec spec;
    bool dry = false;  ///< only say what would be done
    /// Where another flavor's server is installed: it is stopped, and a copy of its data is kept, before anything changes.
    bool keep_copy = false;
    OutsideLeave outside = OutsideLeave::known;
    static void fields(auto& archive, auto& self) {
        archive("spec", self.spec);
        archive("dry", self.dry);
        archive("keep_copy", self.keep_copy);
        archive("outside", self.outside);
    }
};

enum class StepState { begun, done, failed };
constexpr std::array<std::string_view, 3> enum_words(StepState) {
    return {"begun", "done", "failed"};
}

struct Event {
    std::string step;  ///< stable name, for example "write-file"
    StepState state = StepState::begun;
    std::string words;  ///< for people: what, and why
    static void fields(auto& archive, auto& self) {
        archive("step", self.step);
        archive("state", self.state);
        archive("words", self.words);
    }
};

/// What went wrong on the node; the words say what to do.
enum class AgentErrc {
    failed,             ///< everything else
    disk_full,          ///< no room; nothing was changed
    port_taken,         ///< somebody else listens on a port of this node
    no_right,           ///< the agent may not do that as the user it runs as
    identity_conflict,  ///< this node, or its data, belongs to another cluster, server or formation
    unsafe,             ///< would form an ensemble although data may exist elsewhere, or lose data
    busy,               ///< another session changes this node right now
    invalid,            ///< a message or a specification that cannot be carried out
    unsupported,        ///< a request that this agent does not know
    not_found,          ///< control without an earlier apply
    start_failed,       ///< the server was started and ended at once
    lock_lost,          ///< a change by a session that does not hold the run lock, or not any more
};
constexpr std::array<std::string_view, 12> enum_words(AgentErrc) {
    return {"failed",
            "disk_full",
            "port_taken",
            "no_right",
            "identity_conflict",
            "unsafe",
            "busy",
            "invalid",
            "unsupported",
            "not_found",
            "start_failed",
            "lock_lost"};
}

struct AgentError {
    AgentErrc code = AgentErrc::failed;
    std::string words;
    friend bool operator==(const AgentError&, const AgentError&) = default;
    static void fields(auto& archive, auto& self) {
        archive("code", self.code);
        archive("words", self.words);
    }
};

/// One step of a node's plan, as planned or carried out.
struct StepReport {
    std::string step;  ///< as in Event
    std::string words;
    bool done = false;  ///< false: planned only (dry), or not reached
    friend bool operator==(const StepReport&, const StepReport&) = default;
    static void fields(auto& archive, auto& self) {
        archive("step", self.step);
        archive("words", self.words);
        archive("done", self.done);
    }
};

struct ApplyDone {
    bool changed = false;  ///< dry: something would change. An empty list of steps is the no-op.
    bool restarts_server = false;  ///< the steps stop a running server, or did
    bool starts_server = false;    ///< the steps start a server that does not run, or did
    std::vector<StepReport> steps;
    std::optional<AgentError> error;  ///< the apply stopped here; what was staged is taken back
    static void fields(auto& archive, auto& self) {
        archive("changed", self.changed);
        archive("restarts_server", self.restarts_server);
        archive("starts_server", self.starts_server);
        archive("steps", self.steps);
        archive("error", self.error);
    }
};

enum class ControlAction {
    start,    ///< the server (and, where supervised, the resident agent)
    stop,     ///< the server; where supervised also the resident agent of this state directory
    restart,  ///< the server
    /// Stop the server and rename its data and log directories to quarantine; nothing is deleted.
    wipe,
};
constexpr std::array<std::string_view, 4> enum_words(ControlAction) {
    return {"start", "stop", "restart", "wipe"};
}

/// About the node that was applied last in this state directory.
struct Control {
    ControlAction action = ControlAction::start;
    static void fields(auto& archive, auto& self) { archive("action", self.action); }
};

struct Done {
    std::string words;
    static void fields(auto& archive, auto& self) { archive("words", self.words); }
};

/// Writes through this node's server, as a client of its client port, and leaves nothing behind: an ephemeral znode is
/// created, set and deleted. The controller may not reach client ports, so the agent does it.
struct ProbeWrite {
    std::string path;  ///< of the znode, for example "/zkprov-probe-1f2e3d4c"
    std::int64_t timeout_ms = 5000;
    static void fields(auto& archive, auto& self) {
        archive("path", self.path);
        archive("timeout_ms", self.timeout_ms);
    }
};

/// A write that was not committed in time is an answer and not an AgentError.
struct ProbeDone {
    bool committed = false;
    std::optional<Zxid> zxid;  ///< of the last write
    std::int64_t took_ms = 0;
    std::string words;  ///< why it was not committed
    static void fields(auto& archive, auto& self) {
        archive("committed", self.committed);
        archive("zxid", self.zxid);
        archive("took_ms", self.took_ms);
        archive("words", self.words);
    }
};

/// What is remembered on a node of its elections. A server that does not tell is an answer, too.
struct Elections {
    std::string cluster;
    ServerId sid;
    /// What its server says to the word `elec`; empty: it does not tell, and `silence` says why.
    std::string told;
    std::string silence;
    std::vector<ElectionEntry> history;   ///< as the agent saw it, oldest first
    std::vector<ElectionRecord> changes;  ///< the same with causes
    /// Searches that the agent keeps, in the form of `told`; the server may have forgotten them.
    std::string kept;
    WallMs wall_ms;  ///< of the node, when it said this
    static void fields(auto& archive, auto& self) {
        archive("cluster", self.cluster);
        archive("sid", self.sid);
        archive("told", self.told);
        archive("silence", self.silence);
        archive("history", self.history);
        archive("changes", self.changes);
        archive("kept", self.kept);
        archive("wall_ms", self.wall_ms);
    }
};

/// A page of the resident agent's HTTP listener, which need not listen for it.
struct PageRequest {
    std::string target;  ///< path and query; begins with "/"
    static void fields(auto& archive, auto& self) { archive("target", self.target); }
};
struct Page {
    std::int32_t status = 200;  ///< of HTTP
    std::string content_type;
    std::string body;
    static void fields(auto& archive, auto& self) {
        archive("status", self.status);
        archive("content_type", self.content_type);
        archive("body", self.body);
    }
};

/// Payload of each JSON message, both ways.
std::string to_json(const Hello& message);
std::string to_json(const HelloOk& message);
std::string to_json(const BlobBegin& message);
std::string to_json(const BlobWant& message);
std::string to_json(const BlobOk& message);
std::string to_json(const Apply& message);
std::string to_json(const Event& message);
std::string to_json(const ApplyDone& message);
std::string to_json(const Control& message);
std::string to_json(const Done& message);
std::string to_json(const AgentError& message);
std::string to_json(const ProbeWrite& message);
std::string to_json(const ProbeDone& message);
std::string to_json(const LockHolder& holder);
std::string to_json(const LockRequest& message);
std::string to_json(const LockState& message);
std::string to_json(const Elections& message);
std::string to_json(const PageRequest& message);
std::string to_json(const Page& message);

/// Where `payload` stops being one JSON object (its size when it is cut off); nullopt: it is one.
std::optional<std::size_t> broken_json_at(ByteView payload);
/// T is one of the payload types above, FactsRequest, NodeFacts, NodeHealth or NodeSpec. Errc::corrupt names the
/// member that is wrong.
template <class T>
Result<T> parse_payload(std::string_view json);

}  // namespace zk::agent_api
