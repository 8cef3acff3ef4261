// Fills in what a probe has of the host: disks, the server's files on them, files that zkprov wrote, descriptors.
// Shell. Decides nothing: node_judge does. What is dear to find out is looked at now and then, and at once where a cheap
// sign says that it changed. What is of files blocks for as long as their disks take to answer.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "agent_api/node_spec.h"
#include "node_judge/probe.h"

namespace zk::agent_serve {

/// Is told each path before it is touched.
using AtPath = std::function<void(const std::string&)>;

/// For one specification: another one begins with another object.
class HostLook {
  public:
    /// The time, the server's process and the host's memory, of which the kernel tells at once. REQUIRES: answer and process
    /// of `probe` are filled in.
    void fill_processes(node_judge::Probe& probe);
    /// Disks and files. REQUIRES: as above, and the time.
    void fill_files(node_judge::Probe& probe, const agent_api::NodeSpec& spec, const AtPath& at);
    /// For the resident agent: whether the program that it runs is the one that lies where it would be started again.
    void fill_agent(node_judge::Probe& probe, const agent_api::NodeSpec& spec, const AtPath& at);

  private:
    using Clock = std::chrono::steady_clock;
    /// Equal stamps: the same file with the same content and mode, as far as one can tell without reading it.
    struct Stamp {
        std::uint64_t inode = 0;
        std::int64_t size = 0;
        std::int64_t changed_ns = 0;
        friend bool operator==(const Stamp&, const Stamp&) = default;
    };
    struct Checked {
        Stamp stamp;
        Clock::time_point at;
        std::string words;  ///< empty: it is as zkprov wrote it
    };

    void fill_disk(node_judge::DiskLook& disk, const std::string& directory, std::int64_t pid);
    void fill_storage(node_judge::Probe& probe, const agent_api::NodeSpec& spec);
    void fill_drifts(node_judge::Probe& probe, const agent_api::NodeSpec& spec, const AtPath& at);
    void fill_memory(node_judge::Probe& probe);
    /// How the file differs, as the rest of a sentence; empty: it does not. `compare` reads it; it is called when the stamp
    /// is another one, and once a minute when `rereads`.
    template <class Compare>
    std::string check(const std::string& path, bool rereads, Compare compare);
    template <class Compare>
    void check(node_judge::Probe& probe, const std::string& path, bool rereads, Compare compare);

    std::map<std::string, Checked> checked_;  ///< by path
    struct Mount {
        bool looks_read_only = false;  ///< to this process
        bool read_only = false;        ///< for the server
    };
    std::map<std::string, Mount> mounts_;  ///< by directory
    Clock::time_point mounts_at_;
    bool mounts_due_ = true;
    std::optional<node_judge::StorageLook> storage_;
    Clock::time_point storage_at_;
    std::int64_t storage_of_ = 0;  ///< the process that answered then; 0: none did
    std::int64_t snapshot_written_s_ = 0;
    std::optional<bool> purges_;
    std::optional<std::string>
        agent_path_;  ///< where this program was when it was looked for first
    node_judge::MemoryLook memory_;
    Clock::time_point memory_at_;
    std::int64_t memory_of_ = 0;  ///< the process whose limit was read then
};

}  // namespace zk::agent_serve
