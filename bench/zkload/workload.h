// What one session asks, stage by stage: its znodes are made, then loaded, then deleted again. And
// the bytes of it. Names: /zkload-TIME is this run's; below it one znode a session (s0007) or
// `shared`; below that those of create and churn (n00000012).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "jute/codes.h"
#include "zkload/options.h"

namespace zk::load {

/// In the order in which they are run. In `found` and `raze` only the first session has something
/// to do. `close` ends the sessions, so that none is left to expire in somebody's later
/// measurement.
enum class Stage { found, prepare, load, clean, raze, close };

enum class Place : std::uint8_t { run, node, child };

struct Job {
    OpCode op{};
    Place place = Place::node;
    std::uint64_t child = 0;
};

class Workload {
  public:
    Workload(const Options& options, int session_index, const std::string& run_path);

    void begin(Stage stage);
    /// No further jobs in this stage: what is under way still comes in.
    void stop() { stopped_ = true; }
    std::optional<Job> next();
    /// Appends the job's frame.
    void append(Bytes& out, const Job& job, Xid xid);

    [[nodiscard]] bool shared() const { return shared_; }
    [[nodiscard]] int value_bytes() const { return static_cast<int>(value_.size()); }
    [[nodiscard]] std::string path_of(const Job& job) const;

  private:
    std::optional<Job> next_of_prepare();
    std::optional<Job> next_of_load();
    std::optional<Job> next_of_clean();
    bool flip();

    Operation operation_;
    bool first_;
    bool shared_;
    std::string run_path_;
    std::string node_path_;
    std::string value_;
    /// Frames of set, get and exists of the node, made once; only the xid differs.
    Bytes set_, get_, exists_;

    Stage stage_ = Stage::found;
    bool stopped_ = false;
    std::uint64_t step_ = 0;
    /// Children [first_child_, end_child_) exist, as far as jobs were given out.
    std::uint64_t first_child_ = 0;
    std::uint64_t end_child_ = 0;
    std::uint64_t stock_ = 0;  ///< children made before the load, for `delete`
    std::uint64_t random_;
};

}  // namespace zk::load
