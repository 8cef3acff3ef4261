// How many clients may connect in a time: a bucket of tokens, which fills with time and of which each ConnectRequest takes
// some; and, while it is found empty again and again, a chance to be dropped that grows, so that not always the same
// clients come too late (BLUE).
// Pure. One of a server, whatever the number of its client loops. Source: ZooKeeper BlueThrottle; docs/PROTOCOL.md 1.9.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace zk::frontend {

/// Whom frontends ask. Where they are of several threads it has a lock, and a ConnectionThrottle in it.
class Throttle {
  public:
    enum class Session { global, local, renewed };
    struct Answer {
        bool admitted = true;
        int deficit = 0;  ///< tokens that are missing from a full bucket
    };

    virtual ~Throttle() = default;
    /// May this client connect now?
    virtual Answer ask(Session session, Instant now) = 0;
    /// From 0 to 1.
    virtual double drop_chance() = 0;
};

class ConnectionThrottle final : public Throttle {
  public:
    struct Settings {
        int tokens = 0;  ///< that the bucket holds at most; 0: everybody may connect
        /// It gets fill_count of them in each fill_time, which is at least 1 ms.
        milliseconds fill_time{1};
        int fill_count = 1;
        milliseconds freeze_time{
            -1};  ///< between two changes of the chance; -1: nobody is dropped by it
        double drop_increase = 0.02;   ///< when the bucket was found empty
        double drop_decrease = 0.002;  ///< when no more than decrease_ratio of it was missing
        double decrease_ratio = 0;
        /// What a client takes: 1, or with weights what its session costs; tokens and fill_count count global ones then.
        bool weights = false;
        int global_weight = 3, local_weight = 1, renew_weight = 2;
        std::uint64_t seed = 1;
    };

    explicit ConnectionThrottle(const Settings& settings);

    Answer ask(Session session, Instant now) override {
        const bool admitted = admit(session, now);
        return {admitted, deficit()};
    }
    bool admit(Session session, Instant now);
    [[nodiscard]] int deficit() const { return most_ - tokens_; }
    double drop_chance() override { return drop_; }

  private:
    [[nodiscard]] int weight_of(Session session) const;
    void fill(Instant now);
    bool is_dropped(Instant now);
    double random();

    Settings settings_;
    int most_, tokens_;
    double drop_ = 0;
    std::optional<Instant> filled_, frozen_;
    std::uint64_t random_;
};

}  // namespace zk::frontend
