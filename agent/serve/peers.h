// What the other nodes say of themselves, for the page that shows the whole ensemble: asks their agents, and where one does
// not answer (or nowhere that others reach) the server beside it.
// Shell, Asio; lives on the resident agent's loop. Each peer is asked by itself, within bounds of time and bytes: once a
// second while somebody looks, else once a minute for its clock only, so an idle agent costs next to nothing.
// What is believed: ensemble_view; of clocks: clock_offset.
#pragma once

#include <memory>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "agent_api/node_spec.h"
#include "base/log.h"
#include "clock_offset/clock_offset.h"
#include "ensemble_view/ensemble_view.h"

namespace zk::agent_serve {

class Peers {
  public:
    Peers(boost::asio::io_context& loop, Log log);
    ~Peers();
    Peers(const Peers&) = delete;
    Peers& operator=(const Peers&) = delete;

    /// Somebody looks at this node's ensemble: the members of `spec` are asked from now on, for a while.
    void look(const agent_api::NodeSpec& spec);
    /// Nobody may look: the members' clocks are looked at now and then all the same, where their agents listen for others.
    void look_at_clocks(const agent_api::NodeSpec& spec);
    /// As far as they are known.
    [[nodiscard]] std::vector<clock_offset::HeardClock> clocks() const;
    /// What they said last.
    [[nodiscard]] std::vector<ensemble_view::Peer> words() const;

  private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
};

}  // namespace zk::agent_serve
