// What clients were promised and what they tried: the memory against which a tree is judged.
// Pure. Shared by all clients of a world.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "tree/data_tree.h"

namespace zk::sim {

class History {
  public:
    /// Nodes whose create was acknowledged must exist for ever.
    void created(const std::string& path) { created_.insert(path); }
    /// A multi that makes `path`a and `path`b: both or none, and both once it was acknowledged.
    void pair_tried(const std::string& path) { pairs_.emplace(path, false); }
    void pair_made(const std::string& path) { pairs_[path] = true; }
    /// Register of one client: its values only grow.
    void register_tried(int number, std::int64_t value) { registers_[number].tried = value; }
    void register_set(int number, std::int64_t value) { registers_[number].acknowledged = value; }
    [[nodiscard]] std::int64_t acknowledged(int number) const;
    /// The counter that all clients raise by one with a conditional set: no increment may be lost
    /// or done twice.
    void counter_raised() { ++raised_; }
    void counter_unknown() { ++perhaps_raised_; }
    /// Ephemerals whose session was closed with an acknowledgement.
    void ephemeral_gone(const std::string& path) { gone_.insert(path); }

    /// Words on the first broken promise; empty when the tree keeps them all.
    [[nodiscard]] std::string check(const tree::DataTree& tree) const;

  private:
    struct Register {
        std::int64_t tried = 0, acknowledged = 0;
    };
    std::set<std::string> created_;
    std::map<std::string, bool> pairs_;
    std::map<int, Register> registers_;
    std::set<std::string> gone_;
    std::int64_t raised_ = 0, perhaps_raised_ = 0;
};

/// "/r3", the register of client 3.
std::string register_path(int number);
inline const std::string kCounterPath = "/counter";
/// The number that a register or the counter holds.
std::int64_t number_in(ByteView data);

}  // namespace zk::sim
