// What a server saw of the elections it took part in, so that they can be told afterwards: why each
// began, the votes cast and heard, which rule of the order changed a vote, when a majority stood, and
// what came of it. Bounded, and silent while there is a leader: it costs nothing then.
//
// Pure. Written by an Election and its owner; read by the four-letter word `elec`.
// Rules: docs/PROTOCOL.md 2.6 and 2.7.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "election/mistrust.h"
#include "election/notification.h"
#include "election/vote.h"

namespace zk::election {

/// One thing that happened in a search.
struct Moment {
    enum class Kind {
        cast,      ///< this server's vote from now on
        heard,     ///< what `from` said: its state and vote
        doubted,   ///< the same, and it is not believed
        majority,  ///< a majority votes as this server does; it waits for something better
        lost       ///< no longer
    };
    /// Why a vote was cast.
    enum class Reason {
        own,       ///< the search begins: for itself
        better,    ///< `from` told a better one; `rule` says in what it is
        round,     ///< `from` is in a later round: everybody votes anew there
        overrated  ///< `from` told more of this server than it has: a round without that
    };
    Kind kind{};
    Duration after{};  ///< since the search began
    ServerId from{};
    PeerState state = PeerState::looking;  ///< of `from`
    Vote vote{};
    Reason reason{};  ///< of a vote cast
    std::optional<Rule>
        rule{};  ///< in what a vote is better: one cast than the one before, one heard than ours
    Mistrust::Doubt doubt{};      ///< why it is not believed
    std::vector<ServerId> who{};  ///< the majority
};
std::string_view to_string(Moment::Kind kind);
std::string_view to_string(Moment::Reason reason);

/// One search for a leader, and what came of it.
struct Search {
    std::uint64_t number = 0;  ///< of this process, from 1
    WallMs began{};
    std::string why;  ///< what ended before it
    Zxid zxid;        ///< of this server's history
    Epoch epoch;
    bool votes = true;  ///< false: an observer, or an empty database
    std::vector<Moment> moments;
    std::size_t left_out = 0;  ///< of them, behind History::kFirst

    struct Decision {
        Duration after{};
        PeerState state{};
        Vote vote{};
    };
    struct Reign {
        Duration after{};
        Epoch epoch{};
    };
    struct End {
        Duration after{};
        std::string why;
    };
    std::optional<Decision> decided{};
    std::optional<Reign> serving{};  ///< clients are served from here on
    std::optional<End> ended{};      ///< of the role
};

class History {
  public:
    static constexpr std::size_t kSearches = 8;
    static constexpr std::size_t kMoments = 64;
    /// Of a search with more moments the first ones stay, and the last ones.
    static constexpr std::size_t kFirst = 24;
    static constexpr std::size_t kWhyBytes = 200;

    struct Beginning {
        Zxid zxid{};
        Epoch epoch{};
        bool votes = true;
        WallMs wall{};
    };
    void begin(const Beginning& beginning, Instant now);
    void cast(const Vote& vote, Moment::Reason reason, Instant now);
    /// Because of what `from` said. `rule`: in what the vote is better than the one before.
    void cast(const Vote& vote,
              Moment::Reason reason,
              ServerId from,
              std::optional<Rule> rule,
              Instant now);
    /// A repetition is not written down again. `own`: this server's vote when it was heard.
    void heard(ServerId from, const Notification& notification, const Vote& own, Instant now);
    void doubted(ServerId from,
                 const Notification& notification,
                 Mistrust::Doubt doubt,
                 Instant now);
    /// Who votes as this server does, when they are a majority; else empty. Told at every change, or more often.
    void majority(const std::vector<ServerId>& who, const Vote& vote, Instant now);
    void decided(PeerState state, const Vote& vote, Instant now);
    void serving(Epoch epoch, Instant now);
    /// The role that the last search led to has ended: why the next one begins.
    void ended(std::string_view why, Instant now);

    /// Oldest first; the last one may be under way.
    [[nodiscard]] const std::deque<Search>& searches() const { return searches_; }

  private:
    void add(Moment moment, Instant now);
    [[nodiscard]] Duration since(Instant now) const { return now - began_; }

    std::deque<Search> searches_;
    std::uint64_t count_ = 0;
    Instant began_{};  ///< of the last search
    std::string why_ = "the server has started";
    std::map<ServerId, Notification>
        last_heard_;                  ///< of voters, in this search, without their config
    std::vector<ServerId> majority_;  ///< told for the last vote cast
};

/// As `elec` shows it: a line for each search and each of its moments, "name=value" in an order that
/// stays, a value with spaces in quotes. Times of moments in microseconds since the search began.
std::string to_text(const History& history);
std::string to_text(const Search& search);

/// What to_text() wrote, perhaps by another version: lines and names that are not known are passed
/// over. Never trusts a length; no more searches and moments come out than a history keeps.
/// Errc::corrupt where a known line lacks what it must say.
Result<std::vector<Search>> parse_searches(std::string_view text);

}  // namespace zk::election
