// One client loop of a run: hears, lets its sessions read and write, and does some work on a socket. It checks what its
// sessions are shown.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "frontend/watch_table.h"
#include "loops/shared.h"

namespace zk::loops {

class LoopSide {
  public:
    struct Figures {
        std::int64_t reads = 0, writes = 0, events = 0, turns = 0;
        std::int64_t cpu_ns = 0;
        // What must not happen.
        /// A session saw a change, and its event had not come.
        std::int64_t change_before_event = 0;
        std::int64_t change_missed = 0;  ///< a change fell between a read and its watch
        /// A read between two writes of its session saw the second.
        std::int64_t read_after_next_write = 0;
        std::int64_t own_write_missed = 0;  ///< a session did not see its own write
        [[nodiscard]] std::int64_t faults() const {
            return change_before_event + change_missed + read_after_next_write + own_write_missed;
        }
    };

    LoopSide(Shared& shared, std::uint32_t number, const TrieNode* root, std::uint64_t version);
    ~LoopSide();
    LoopSide(const LoopSide&) = delete;
    LoopSide& operator=(const LoopSide&) = delete;

    /// Until Shared::ended.
    void run();
    /// Under the loop's slot. Variant::served: the core calls it, too.
    void hear();
    [[nodiscard]] const Figures& figures() const { return figures_; }

  private:
    struct Session {
        std::uint32_t own = 0;         ///< a znode that only it writes
        std::int32_t own_version = 0;  ///< by the last answer
        int at_core = 0;               ///< requests
        bool read_waits = false;       ///< for the next answer
        /// Version at which its watch was entered; -1: none.
        std::array<std::int32_t, kHot> watched{};
    };

    void turn();
    void begin_read();
    void end_read();
    void hear(Mail& mail);
    void hear(const Changed& changed);
    void hear(const Reply& reply);
    void hear(const ReadsDone& done);
    void serve_waiting();
    bool pick();
    void act();
    void write();
    void read_some(std::uint32_t znode);
    /// The version that the answer shows, which is appended to out_.
    std::int32_t read(std::uint32_t znode);
    void enter_watches();
    void use_socket();
    std::uint32_t draw(std::uint32_t below);

    Shared& shared_;
    LoopDoor& door_;
    const std::uint32_t number_;
    const TrieNode* root_;  ///< Variant::versions
    std::vector<Session> sessions_;
    std::uint32_t picked_ = 0;
    frontend::WatchTable watches_;
    std::vector<Mail> mails_;
    std::uint64_t heard_ = 0;
    std::vector<std::uint32_t> released_;  ///< sessions with reads that can be served
    std::vector<ToCore> asks_;
    Reads reads_;  ///< Variant::posted
    struct Entry {
        std::uint32_t znode, session;
    };
    std::vector<Entry> to_watch_;
    Bytes out_, sending_, in_;
    std::array<int, 2> sockets_{};
    std::uint64_t random_;
    Figures figures_;
};

}  // namespace zk::loops
