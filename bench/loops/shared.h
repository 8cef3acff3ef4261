// What the core's thread and the client loops of a run share, and what they say to each other.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "loops/mailbox.h"
#include "loops/read_index.h"
#include "loops/tree_lock.h"
#include "tree/data_tree.h"

namespace zk::loops {

enum class Variant {
    slots,  ///< a loop holds its slot while it reads, and steps back for the core
    /// The same, and the slot guards all of the loop's state: at a stop the core serves the loop's reads.
    served,
    plain,  ///< the same with mutexes alone
    /// A loop holds its slot all the time that it is awake; the core waits for the end of its turn.
    barrier,
    versions,  ///< loops read immutable versions
    posted,    ///< loops send their reads to the core's thread
};

/// A rule that is broken on purpose, to see that the checks notice.
enum class Broken { none, publish, hear, enter_watch, stop };

struct Options {
    Variant variant = Variant::slots;
    Broken broken = Broken::none;
    std::size_t loops = 2;
    unsigned writes_percent = 10;
    unsigned pairs_percent = 2;  ///< of the writes: they come as write, read, write, sent at once
    std::size_t depth = 8;       ///< reads of a session in one turn of its loop
    std::size_t sessions = 32;   ///< of one loop
    std::size_t znodes = 100'000;
    double seconds = 1;
};

/// Znodes of this many first numbers are written by everybody, and watched.
inline constexpr std::size_t kHot = 16;
inline constexpr std::size_t kDataBytes = 128;

// ---- to the core

struct Write {
    std::uint32_t loop = 0;
    std::uint32_t session = 0;
    std::uint32_t znode = 0;
    bool behind_read = false;  ///< as request::ClientRequest has it
};
/// Variant::posted: the reads of one turn.
struct Reads {
    std::uint32_t loop = 0;
    std::uint32_t session = 0;
    std::vector<std::uint32_t> znodes;
};
using ToCore = std::variant<Write, Reads>;

// ---- from the core

struct Changed {
    Zxid zxid;
    std::uint32_t znode = 0;
    std::int32_t version = 0;
    tree::Change change;
};
struct Reply {
    std::uint32_t session = 0;
    std::uint32_t znode = 0;
    std::int32_t version = 0;
};
struct ReadsDone {
    std::uint32_t session = 0;
    std::size_t count = 0;
    Bytes answers;
};
/// A change is told to every loop: one immutable object. An answer goes to the loop that asked.
using ToLoop = std::variant<std::shared_ptr<const Changed>, Reply, ReadsDone>;
struct Mail {
    std::vector<ToLoop> messages;
    const TrieNode* root = nullptr;  ///< Variant::versions: what may be read from now on
    std::uint64_t version = 0;
};

struct alignas(64) LoopDoor {
    Mailbox<Mail> mail;
    std::atomic<std::uint64_t> heard = 0;    ///< mails, and all reads served that waited for them
    std::atomic<std::uint64_t> version = 0;  ///< older ones are not read any more
};

class LoopSide;

struct Shared {
    explicit Shared(const Options& o)
        : options(o),
          lock(o.loops,
               o.variant == Variant::plain ? TreeLock::Readers::do_not_care
                                           : TreeLock::Readers::step_back),
          doors(std::make_unique<LoopDoor[]>(o.loops)) {}

    const Options options;
    tree::DataTree tree;
    TreeLock lock;
    Mailbox<std::vector<ToCore>> to_core;
    std::unique_ptr<LoopDoor[]> doors;
    std::vector<LoopSide*> loops;  ///< Variant::served
    std::atomic<bool> ended = false;
    std::vector<std::string> paths;
    std::vector<Bytes> read_bodies;  ///< getData requests, by znode
};

/// Processor time of the calling thread.
std::int64_t thread_cpu_ns();

}  // namespace zk::loops
