// When is a connection to a peer to be given up? A peer that is spoken to again and again and says
// nothing for some seconds may sit behind a connection that only this end believes in: dial anew.
// Pure. One for each peer.
// A peer with nothing new to say may be silent, too (Apache's repeats itself after up to a minute);
// a new connection then costs little, and makes it repeat its last word.
#pragma once

#include <optional>

#include "base/time.h"

namespace zk::election {

class PeerSilence {
  public:
    static constexpr Duration kPatience = milliseconds(4000);

    void connected() { waiting_since_.reset(); }
    void heard() { waiting_since_.reset(); }
    /// Something is said to the peer. True when the connection should be replaced: it has been
    /// spoken to before, and nothing came back within kPatience.
    [[nodiscard]] bool sent(Instant now) {
        if (!waiting_since_) waiting_since_ = now;
        return now - *waiting_since_ >= kPatience;
    }

  private:
    std::optional<Instant> waiting_since_;  ///< first word that is not answered yet
};

}  // namespace zk::election
