// The nodes of a run: one link each, and how each is. What a phase learns or changes beyond that it keeps
// itself: gather.h, changes.h.
// Shell. The runner's thread owns it; during a phase each host is touched by one thread only.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/node_health.h"
#include "client/connect_string.h"
#include "clock_offset/clock_offset.h"
#include "inventory/inventory.h"
#include "migration/move_report.h"
#include "phases/conversation.h"
#include "phases/exit_code.h"
#include "phases/release.h"
#include "playbook/playbook.h"
#include "run_lock/session_lock.h"
#include "status/ensemble_judge.h"
#include "status/report.h"
#include "threads/mutex.h"

namespace zk::phases {

struct Host {
    const inventory::Node* node = nullptr;
    std::shared_ptr<Conversation> talk;           ///< while connected
    std::optional<Error> failure;                 ///< the first thing that went wrong
    std::string silence;                          ///< the run goes on without this host: why
    std::optional<agent_api::NodeHealth> health;  ///< at the last look
    clock_offset::ClockFilter clock;              ///< of all looks over this link

    [[nodiscard]] bool connected() const { return talk != nullptr && !failure; }
};

/// Opens the link of one node, at the latest by the deadline of the run. Called on the host's
/// thread.
using OpenLink =
    std::function<Result<std::unique_ptr<AgentLink>>(const inventory::Node&, LinkDeadline)>;

/// Ends what measured, and tells.
using EndProbes = std::function<migration::ProbeHistory()>;
/// Of migrate: begins to measure, at the servers' client ports, what those who use the ensemble see.
using BeginProbes = std::function<EndProbes(std::vector<client::ServerAddress>)>;

/// What a run may use of the world, and how long.
struct RunSettings {
    OpenLink open_link;
    std::optional<playbook::Playbook> playbook;  ///< instead of the built-in recipe
    BeginProbes begin_probes;                    ///< null: nothing is measured
    const Release* release = nullptr;       ///< null: nothing is installed (status, start, stop)
    std::string version;                    ///< of this program
    std::string machine = "x86_64";         ///< `uname -m` of the hosts the release runs on
    std::optional<LinkDeadline> deadline;   ///< of the whole run
    milliseconds health_interval{300};      ///< between two looks of a gate
    milliseconds election_patience{10000};  ///< for a leader, before a plan is made without one
    milliseconds lock_timeout{0};           ///< to wait for a run that is under way
    milliseconds lock_grace{2000};          ///< ... in any case: it may just be ending
    run_lock::LockLimits lock_limits;
    agent_api::LockHolder person;  ///< user, host and pid of this program
    bool yes = false;
    bool adopt = false;      ///< apply: servers that run already may be taken in
    bool take_over = false;  ///< apply, plan: those that were are restarted under their units
    bool stats = false;
    bool verbose = false;
    const std::atomic<bool>* interrupted = nullptr;  ///< set by Ctrl-C: stop before the next wave

    /// The earlier of the run's deadline and `limit` from now.
    [[nodiscard]] LinkDeadline deadline_for(milliseconds limit) const;
    [[nodiscard]] bool is_interrupted() const {
        return interrupted != nullptr && interrupted->load();
    }
};

/// Where words go. Any thread may speak; lines do not mix.
class Console {
  public:
    using Write = std::function<void(const std::string&)>;
    /// `ask` puts a question to a person and gives the line that is typed; null: there is nobody to
    /// ask.
    Console(Write out,
            Write err,
            std::function<std::string(const std::string&)> ask,
            bool json,
            status::Colours colours,
            bool live = false);

    void data(const std::string& text) ZK_EXCLUDES(mutex_);  ///< to stdout, as it is
    void say(const std::string& line) ZK_EXCLUDES(mutex_);   ///< to stderr, with a line end
    /// Where stderr is a terminal (`live`): a line that the next one replaces; empty: none any more.
    void show(const std::string& line) ZK_EXCLUDES(mutex_);
    [[nodiscard]] bool live() const { return live_; }
    [[nodiscard]] bool can_ask() const { return ask_ != nullptr; }
    /// Whether the answer is yes.
    bool ask(const std::string& question);
    std::string ask_for(const std::string& question) { return ask_(question); }
    [[nodiscard]] bool json() const { return json_; }
    [[nodiscard]] status::Colours colours() const { return colours_; }

  private:
    threads::Mutex mutex_;
    Write out_ ZK_GUARDED_BY(mutex_);
    Write err_ ZK_GUARDED_BY(mutex_);
    std::function<std::string(const std::string&)> ask_;
    bool json_;
    status::Colours colours_;
    bool live_;
    bool shown_ ZK_GUARDED_BY(mutex_) = false;
};

/// Why a run ends early.
struct Stop {
    ExitCode code = ExitCode::done;
    std::vector<std::string> messages;  ///< for people, one line each
};

/// "node 2 (192.168.6.138)"; the host alone of one whose id nobody knows yet (0).
std::string name_of(const inventory::Node& node);
/// Why the host failed, without its name in front. REQUIRES: it failed.
std::string reason_of(const Host& host);
std::vector<Host> make_hosts(const inventory::Inventory& inventory);

struct ConnectTimes {
    LinkDeadline open;   ///< for the links; each has shorter times of its own
    LinkDeadline hello;  ///< for the agents' first word
};
/// Connects all hosts at once and says hello. Failures stay with their hosts.
void connect_all(std::vector<Host>& hosts, const OpenLink& open_link, ConnectTimes times);
/// ... the links within the run's deadline, the first word within `limit`.
void connect_all(std::vector<Host>& hosts, const RunSettings& settings, milliseconds limit);
/// Asks all connected hosts for their health. A host on which nothing is installed says so; an
/// error of the link becomes the host's failure.
void ask_health(std::vector<Host>& hosts, LinkDeadline deadline);
/// What the judge needs, from the last health of each host.
std::vector<status::NodeStatus> statuses_of(const std::vector<Host>& hosts);

/// The exit code of a failure before anything was changed.
ExitCode exit_code_of(const Error& error);
/// All failures of the hosts as one reason to stop; nothing when there is none.
std::optional<Stop> stop_for_failures(const std::vector<Host>& hosts);

}  // namespace zk::phases
