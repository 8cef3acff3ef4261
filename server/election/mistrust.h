// What an election does not believe. The port is open to everybody, and one stranger or one
// confused member must not be able to spoil elections for good: no round, epoch or zxid that others
// cannot outgrow, no leader again and again that nobody can join, no words of this server that it
// did not say. Members of Apache, restarted ones and ones that were away for thousands of elections
// are believed as before. Why each rule is as it is: docs/decisions/0005. Pure. Owned by an
// Election.
#pragma once

#include <map>
#include <optional>
#include <string_view>

#include "base/ids.h"
#include "base/time.h"
#include "election/notification.h"

namespace zk::election {

/// Where a notification came from, as far as the shell can tell.
enum class Origin {
    own,      ///< an address that the sender's server.N line names
    unknown,  ///< its name does not resolve, or the connection is from this very host
    foreign   ///< another address: a stranger, or a member behind an address translation
};

/// Rounds end here: the next one is 1 again, and no server is believed that says more. At one round
/// each 200 ms it is reached after 6,900 years.
inline constexpr Round kRoundMax{std::int64_t{1} << 40};
/// The last epoch but a few that fits into the upper half of a zxid.
inline constexpr Epoch kEpochMax{0x7ffffff0};

class Mistrust {
  public:
    enum class Doubt { none, round, epoch, absent_leader };

    explicit Mistrust(ServerId my_id) : my_id_(my_id) {}

    /// A search begins with this server's own word. `absent`: the leader of the last decision, when
    /// nothing came of it.
    void begin(Zxid last_zxid, Epoch current_epoch, std::optional<ServerId> absent, Instant now);
    /// Why a vote does not count; none: it does. A leader that was found absent is believed again
    /// when it speaks for itself from where it may be, and in any case after kAbsent.
    Doubt doubt(ServerId from, Origin origin, const Notification& notification, Instant now);
    /// True when the vote says of this server what it has not said itself: more than it has.
    [[nodiscard]] bool flatters(const Vote& vote) const;

    /// How long votes for a leader that nobody could join are left out.
    static constexpr Duration kAbsent = milliseconds(30'000);

  private:
    ServerId my_id_;
    Zxid last_zxid_;
    Epoch current_epoch_;
    std::map<ServerId, Instant> absent_until_;
};
std::string_view to_string(Mistrust::Doubt doubt);

/// The round after `round`.
Round next_round(Round round);

}  // namespace zk::election
