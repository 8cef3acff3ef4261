// What has to be done so that one node matches its specification: ordered steps, each with its
// reason. Pure. On the way of an apply (docs/ARCHITECTURE.md). An empty list means that nothing is to do: nothing
// is written, nothing restarts. Order: what can be staged without touching what runs comes first,
// then the agent, the server last; the server restarts at most once, however much has changed.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent_api/link.h"
#include "agent_api/node_facts.h"
#include "agent_api/node_spec.h"

namespace zk::node_plan {

enum class StepKind {
    make_user,        ///< target: the user
    make_directory,   ///< target: its path; also mends mode and owner of one that is there
    install_release,  ///< target: the release's directory
    write_file,       ///< target: its path; also mends mode and owner
    own_data,         ///< target: the data directory, whose files the server's user gets
    install_agent,    ///< target: where the resident agent's program goes
    switch_release,   ///< target: install_dir/current
    write_marker,     ///< target: the marker `initialize`
    remove_marker,    ///< target: the same, left by a forming that did not come to its end
    record_identity,  ///< target: the node's name
    stop_outside,     ///< target: a server outside of its unit; what starts it does so no more
    load_image,       ///< target: the image
    make_network,     ///< target: the network
    make_container,   ///< target: its name; takes the place of one that is there
    reload_systemd,   ///< no target
    enable_unit,      ///< target: the unit
    start_agent,
    restart_agent,
    start_server,
    restart_server,
    record_applied,  ///< the specification is recorded as carried out; always the last
    stop_server,     ///< before anything else is put in place, so that its data can be copied
    copy_data,  ///< target: data_dir; beside it, or inside where that is a file system of its own
};
constexpr std::array<std::string_view, 23> enum_words(StepKind) {
    return {"make-user",      "make-directory",  "install-release", "write-file",
            "own-data",       "install-agent",   "switch-release",  "write-marker",
            "remove-marker",  "record-identity", "stop-outside",    "load-image",
            "make-network",   "make-container",  "reload-systemd",  "enable-unit",
            "start-agent",    "restart-agent",   "start-server",    "restart-server",
            "record-applied", "stop-server",     "copy-data"};
}
using agent_api::to_string;

struct Step {
    StepKind kind = StepKind::write_file;
    std::string target;
    std::string why;

    /// "write /etc/x: it differs", for people.
    [[nodiscard]] std::string words() const;
    friend bool operator==(const Step&, const Step&) = default;
};

struct NodePlan {
    std::vector<Step> steps;
    bool restarts_server = false;
    bool starts_server = false;
};

/// A plan, or why the node must not be changed (identity is not judged here:
/// identity::check_identity comes before).
using Decision = std::variant<NodePlan, agent_api::AgentError>;

/// Whether the data are kept as they are before another flavor's server takes them over.
enum class Copy { no, yes };

/// `marker` says whether the marker `initialize` has to be written. While a server runs outside of its unit (facts.outside)
/// nothing that it or its starter uses is touched: that waits until the unit takes its place, because `outside` says so, or
/// because something changed that wants a restart (decisions/0015).
/// REQUIRES: validate(spec) is ok and `facts` were gathered for facts_for(spec).
Decision make_plan(const agent_api::NodeSpec& spec,
                   const agent_api::NodeFacts& facts,
                   bool marker,
                   Copy copy = Copy::no,
                   agent_api::OutsideLeave outside = agent_api::OutsideLeave::known);

/// Room that must be free where something is to be written, beside what is written.
inline constexpr std::uint64_t kFreeBytesLeast = 16ULL << 20;

}  // namespace zk::node_plan
