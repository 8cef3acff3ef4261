// What is true of one node before anything is changed: the facts a plan rests on, and nothing else.
// Pure. Filled by phases/gather from the agent's facts, the dry run of its own plan, and the
// ensemble's verdict.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/incarnation.h"
#include "base/ids.h"

namespace zk::plan {

/// Who the node's records, kept outside the data directory, say it is.
struct Identity {
    std::string cluster;
    ServerId id;
    bool formed = false;     ///< was part of an ensemble that formed
    std::string generation;  ///< of which formation; see inventory/render.h
    std::optional<agent_api::Incarnation> incarnation{};
    bool stored = false;  ///< this incarnation once had data
    friend bool operator==(const Identity&, const Identity&) = default;
};

/// Room in one directory (or in its nearest existing parent).
struct Space {
    std::string path;
    std::uint64_t free_bytes = 0;
    bool read_only = false;
};

/// A port of the inventory that something other than the node's own server holds.
struct TakenPort {
    std::uint16_t port = 0;
    std::string by;  ///< program and pid, as far as known
};

/// What the agent would do to make the node match its specification.
struct NodeChange {
    std::vector<std::string> steps;  ///< one line each, with the reason; empty: nothing
    bool restarts_server = false;    ///< the running server would be restarted
    friend bool operator==(const NodeChange&, const NodeChange&) = default;
};

/// A server that serves from the node's directories already, started by somebody else: decisions/0015.
struct Outside {
    std::string words;                 ///< which one
    std::string flavor;                ///< zkserver or apache
    std::vector<std::string> members;  ///< "1=host:2888:3888", by id; none: it runs alone
    bool adopted = false;              ///< the host's record says that it is this node
    bool contained = false;            ///< its place is a container's, and no unit's
    friend bool operator==(const Outside&, const Outside&) = default;
};

struct NodeActual {
    ServerId id;
    std::string arch;  ///< as `uname -m` says
    bool root = false;
    std::int64_t clock_offset_ms = 0;  ///< node's wall clock minus the controller's
    std::optional<Identity> identity;
    bool data_empty = true;   ///< no snapshot, log or epoch file under data_dir and log_dir
    bool ever_served = true;  ///< the data holds a transaction; meaningful when !data_empty
    bool server_running = false;
    bool leads = false;
    /// With which id its running server speaks, when that is a conflict.
    std::optional<ServerId> speaks_as;
    bool in_sync = false;  ///< leads, or follows a leader with a quorum
    std::vector<Space> spaces;
    std::vector<TakenPort> taken_ports;
    /// Of the others' incarnations, in its own formation.
    agent_api::Incarnations remembers;
    /// Empty, but its data directory was prepared for the incarnation that its record names, and nothing has come in yet.
    bool being_made = false;
    NodeChange change;
    std::optional<Outside> outside;
    /// Whose server is installed, where it is not the one that the inventory wants: zkserver or apache.
    std::string other_flavor;
    std::int64_t java_least = 0;  ///< 0: its server needs no Java
    std::int64_t java_version = 0;
    std::string java_words;  ///< what it said of itself, or why it does not run
    /// It runs, and this host is not the node yet: an apply makes it that and touches nothing of the server.
    [[nodiscard]] bool to_adopt() const { return outside && !outside->adopted; }
    /// Belongs to an ensemble that formed, whether or not its data is still there.
    [[nodiscard]] bool formed() const { return !data_empty || (identity && identity->formed); }
};

/// Why a node is not any more what a plan took it for: who it is, and what would change on it. Empty
/// when it is. For `now` the ensemble's verdict (leads, in_sync) need not be known.
std::string difference(const NodeActual& planned, const NodeActual& now);

}  // namespace zk::plan
