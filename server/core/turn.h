// One turn of a server's replicated half: what happens in which order, for whoever drives it (net/core_loop, and the
// simulator). Pure: events and the time in, effects out. Lives on the core loop. Not thread-safe.
//
// A turn takes what was posted since the last one, one event after the other, and then the time: after a pause of the
// process an event may be the sign of life that a tick would miss. The driver gathers effects over a turn and carries them
// out at its end: one wake-up of the log thread, one write per link and per client.
//
// Frontends read the tree that the core changes. Three rules keep what a client sees in order; they are here, in
// frontend/turn, and nowhere else:
//
//   1. Publish before reading. From a turn's first change on (before_change) nobody reads. What it has changed and answered
//      (Effects::frontends) is in every frontend's mailbox before anybody reads again.
//   2. Hear before reading. A frontend hears its mailbox, events and answers, before it reads: a client sees the event
//      of a change before the change.
//   3. Register with the read. A watch is entered while nobody can write: no change falls in between.
//
// And a fourth for the order of one client's own requests: a read that waits for an answer must be served before the next
// write of the same session is applied (request::ClientRequest::behind_read). So a turn may stop in the middle: run() says
// so, and of which client loop the session is (reader()). What there is goes into the mailboxes, that loop's frontend hears
// it, and run() goes on. The other loops hear when they come to it.
//
// Snapshot files are in the turn's custody: the walk begins at its place among the txns, its chunks are taken one by one
// while the tree goes on changing, and the file gets its name only when the log holds for good all that the walk may have
// seen: only replay makes such a file whole, and after a power cut it would otherwise be ahead of its log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "core/core.h"
#include "core/effects.h"
#include "core/event.h"
#include "storage/recovery.h"
#include "storage/snapshot.h"

namespace zk::core {

class Turn {
  public:
    /// A turn later than this after the last tick has one of its own: txns carry the wall clock.
    static constexpr Duration kWallAgeMax = std::chrono::milliseconds(5);

    enum class Ended {
        whole,
        at_a_read,  ///< frontends hear Effects::frontends; then run() goes on
    };

    Turn(Settings settings, storage::RecoveredState recovered, Log log);

    /// The first turn: begins the election. Called once, before any run().
    void start(WallMs wall, Instant now, Effects& out);
    /// Happens in the next turn.
    void post(Event event) { inbox_.push_back(std::move(event)); }
    /// Something was posted, or the last turn stopped in the middle.
    [[nodiscard]] bool has_work() const { return stopped_ || !inbox_.empty(); }
    /// Appends to `out`. After Effects::fatal nothing more happens. REQUIRES, when the last one ended at a read:
    /// heard(reader()).
    Ended run(WallMs wall, Instant now, Effects& out);

    /// After Ended::at_a_read: the client loop that must hear.
    [[nodiscard]] std::uint32_t reader() const { return *core_.stopped_for(); }
    /// The frontend of this client loop has heard all that turns have told it so far. REQUIRES: all of that is published.
    void heard(std::uint32_t loop);

    /// True while a snapshot file has more to be written.
    [[nodiscard]] bool has_snapshot_chunk() const { return snapshot_ && snapshot_->walk; }
    /// The next chunk of about `bytes_max` bytes. Between turns. REQUIRES: has_snapshot_chunk().
    void write_snapshot(std::size_t bytes_max, Effects& out);

    [[nodiscard]] const Core& core() const { return core_; }
    /// The word `srst`. Between turns.
    void reset_statistics() { core_.reset_statistics(); }

    /// Is called before each change of the tree, for those who share it with other threads: from then on, until what the
    /// turn has told is published, nobody may read.
    std::function<void()> before_change;
    /// For checkers: is called after each step of the core, with the effects so far.
    std::function<void(const Effects&)> on_step;

  private:
    /// The snapshot file under way: walking, then waiting for the log, then getting its name.
    struct FileSnapshot {
        FileSnapshot(Zxid of, bool to_install) : zxid(of), install(to_install) {}
        Zxid zxid;
        bool install;
        std::optional<storage::SnapshotSerializer> walk;
        std::optional<Zxid> end_zxid;  ///< once the walk is over
        bool named = false;
    };

    bool take(Event event, Instant now, Effects& out);
    bool settle(Instant now, Effects& out);
    void sort(Action& action, Effects& out);
    void begin_snapshot(const StartSnapshot& start, Effects& out);
    void abandon_snapshot(Effects& out);
    void name_snapshot(Effects& out);

    Log log_;
    Core core_;
    std::vector<Event> inbox_;
    std::vector<Event> batch_;  ///< of the turn that runs
    std::size_t taken_ = 0;     ///< of batch_
    bool ticks_ = false;        ///< this turn ends with a tick
    bool stopped_ = false;      ///< at a read
    bool heard_ = false;        ///< by the loop that the turn stopped for
    Instant last_tick_{};
    Actions actions_;
    std::optional<FileSnapshot> snapshot_;
};

}  // namespace zk::core
