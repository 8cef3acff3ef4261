// Who comes in, and to which loop. See client_door.h.
#include "net/client_door.h"

#include <algorithm>
#include <utility>

#include <boost/asio/dispatch.hpp>

#include "base/check.h"
#include "clocks/clocks.h"
#include "net/client_loop.h"

namespace zk::net {

ClientDoor::ClientDoor(boost::asio::io_context& io, const ClientDoorSettings& settings, Log log)
    : io_(io),
      log_(log),
      admission_(settings.admission),
      listener_(io,
                {.host = settings.address, .port = settings.port, .backlog = settings.backlog},
                {.event = "clients",
                 .port = "the client port",
                 .where = "clientPort in zoo.cfg, or clientPortAddress"},
                {.keep_alive = settings.keep_alive},
                *this,
                std::move(log)) {}

/// The first of those that have the fewest.
ClientDoor::Room& ClientDoor::emptiest() {
    return *std::ranges::min_element(rooms_, {}, &Room::connections);
}

boost::asio::io_context* ClientDoor::next_home() {
    boost::asio::io_context& home = emptiest().loop->io();
    return &home == &io_ ? nullptr : &home;
}

void ClientDoor::on_connection(std::unique_ptr<Stream> stream) {
    const std::string address = stream->remote().address().to_string();
    const frontend::Admission::Answer answer = admission_.enter(address, clocks::steady_now());
    if (!answer.limit.empty()) {
        ++refused_;
        if (answer.refused_to_tell > 0) {
            log_.warn("clients.too_many peer={} limit={} refused={}",
                      address,
                      answer.limit,
                      answer.refused_to_tell);
        }
        return;  // closes it
    }
    Room& room = emptiest();
    ++room.connections;
    room.loop->take_in(std::move(stream), next_id_++);
}

void ClientDoor::left(std::uint32_t loop, const std::string& address) {
    boost::asio::dispatch(io_, [this, loop, address] {
        admission_.left(address);
        ZK_ASSERT(rooms_[loop].connections > 0);
        --rooms_[loop].connections;
    });
}

std::vector<std::size_t> ClientDoor::connections_by_loop() const {
    std::vector<std::size_t> counts;
    for (const Room& room : rooms_) counts.push_back(room.connections);
    return counts;
}

}  // namespace zk::net
