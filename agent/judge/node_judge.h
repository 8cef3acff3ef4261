// From what a probe saw of one server to what the node says of itself: verdict, role, election
// history. Pure: the probe and the wall time in, health out. Lives on the resident agent's loop; a
// session without a resident agent makes one for a single probe. Invariant: the history grows only
// when role, epoch or leader change, and holds at most kHistoryMax entries.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/node_health.h"
#include "base/ids.h"
#include "base/time.h"

namespace zk::node_judge {

/// What one look at the server and its process found.
struct Probe {
    WallMs wall_ms;

    bool process = false;  ///< it runs
    std::int64_t pid = 0;
    std::uint64_t process_uptime_s = 0;
    std::uint64_t rss_bytes = 0;
    std::uint64_t restarts = 0;
    bool stopped_on_purpose = false;

    bool answered = false;                    ///< it said something on its client port
    bool serving = false;                     ///< and that was not "not currently serving requests"
    std::string failure;                      ///< when it did not answer: why
    std::map<std::string, std::string> srvr;  ///< as client::parse_srvr gives it, or empty
    std::map<std::string, std::string> mntr;  ///< as client::parse_mntr gives it, or empty

    std::optional<Epoch> current_epoch;            ///< of the file in the data directory
    std::optional<std::uint64_t> data_free_bytes;  ///< nothing: not known
    std::optional<std::uint64_t> log_free_bytes;
};

struct JudgeSettings {
    std::string cluster;
    ServerId sid;
    /// How long a process may be silent before it counts as stuck.
    std::uint64_t start_patience_s = 60;
    /// A live process that does not answer is believed to be what it was for so many probes.
    std::uint32_t misses_max = 3;
    /// Below this, free space is among the reasons.
    std::uint64_t free_bytes_advised = 512ULL << 20;
};

class NodeJudge {
  public:
    explicit NodeJudge(JudgeSettings settings) : settings_(std::move(settings)) {}

    /// Goes on with a history from disk; older than anything judged later.
    void restore(std::vector<agent_api::ElectionEntry> history);
    /// Judges one probe. The result has no agent's facts (version, pid, age, source): the caller
    /// adds them.
    const agent_api::NodeHealth& step(const Probe& probe);
    [[nodiscard]] const agent_api::NodeHealth& health() const { return health_; }
    /// Counts the changes of the history since this judge was made, so that a shell knows when to
    /// write it.
    [[nodiscard]] std::uint64_t history_version() const { return history_version_; }

  private:
    void take_answer(const Probe& probe);
    void take_silence(const Probe& probe);
    void add_reasons(const Probe& probe);
    void note_change(WallMs at);

    JudgeSettings settings_;
    agent_api::NodeHealth health_;
    std::uint32_t misses_ = 0;
    std::int64_t answered_pid_ = 0;
    bool ever_answered_ = false;
    std::uint64_t history_version_ = 0;
};

}  // namespace zk::node_judge
