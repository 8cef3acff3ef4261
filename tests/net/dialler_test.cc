// Dials on loopback. Every wait has a bound.
#include "net/dialler.h"

#include <functional>
#include <optional>
#include <vector>

#include <boost/asio/error.hpp>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "net/name_lookups.h"

namespace zk::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

/// Its connections hang: the queue of those that wait to be accepted is full.
class SilentPort {
  public:
    explicit SilentPort(asio::io_context& io) : acceptor_(io, tcp::v4()) {
        acceptor_.bind({asio::ip::address_v4::loopback(), 0});
        acceptor_.listen(0);
        for (int i = 0; i < 4; ++i) {
            fillers_.emplace_back(io);
            fillers_.back().open(tcp::v4());
            fillers_.back().non_blocking(true);
            const tcp::endpoint at = acceptor_.local_endpoint();
            // Asio's own would wait for the end of it.
            (void)::connect(
                fillers_.back().native_handle(), at.data(), static_cast<socklen_t>(at.size()));
        }
    }
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    /// From now on there is room for the next.
    void accept() {
        for (int i = 0; i < 4; ++i) {
            boost::system::error_code ignored;
            acceptor_.non_blocking(true);
            accepted_.push_back(acceptor_.accept(ignored));
        }
    }

  private:
    tcp::acceptor acceptor_;
    std::vector<tcp::socket> fillers_;
    std::vector<tcp::socket> accepted_;
};

class DiallerTest : public testing::Test {
  protected:
    bool run_until(const std::function<bool()>& done) {
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!done() && std::chrono::steady_clock::now() < end) {
            io_.restart();
            io_.run_for(1ms);
        }
        return done();
    }
    void dial(const std::string& host, std::uint16_t port, DialTimes times) {
        dialler_.emplace(io_, StreamTuning{.peer_dead_after = 5s});
        dialled_.reset();
        dialler_->dial({host, port}, times, [this](Dialled dialled) {
            ++calls_;
            dialled_ = std::move(dialled);
        });
    }
    bool ends() {
        return run_until([&] { return dialled_.has_value(); });
    }
    void names_are(NameLookups::Addresses addresses) {
        NameLookups::of(io_).ask(
            [addresses](const std::string&, boost::system::error_code&) { return addresses; });
    }

    asio::io_context io_;
    tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
    const std::uint16_t port_ = acceptor_.local_endpoint().port();
    std::optional<Dialler> dialler_;
    std::optional<Dialled> dialled_;
    int calls_ = 0;
};

TEST_F(DiallerTest, Connects) {
    dial("127.0.0.1", port_, {.each = 5s});
    EXPECT_TRUE(dialler_->busy());
    ASSERT_TRUE(ends());
    ASSERT_TRUE(dialled_->stream);
    EXPECT_EQ(dialled_->stream->remote().port(), port_);
    EXPECT_FALSE(dialler_->busy());
}

TEST_F(DiallerTest, AnAddressThatRefusesIsFollowedByTheNext) {
    names_are({asio::ip::make_address("127.0.0.9"), asio::ip::make_address("127.0.0.1")});
    dial("two.example", port_, {.each = 5s});  // on 127.0.0.9 nobody listens
    ASSERT_TRUE(ends());
    EXPECT_TRUE(dialled_->stream);
}

TEST_F(DiallerTest, SaysWhyTheLastAddressDidNot) {
    dial("127.0.0.9", port_, {.each = 5s, .total = 10s});
    ASSERT_TRUE(ends()) << "a refusal is not waited for";
    EXPECT_FALSE(dialled_->stream);
    EXPECT_EQ(dialled_->error, asio::error::connection_refused);
    EXPECT_FALSE(dialled_->of_name);
}

TEST_F(DiallerTest, SaysThatItWasTheName) {
    NameLookups::of(io_).ask([](const std::string&, boost::system::error_code& error) {
        error = asio::error::host_not_found;
        return NameLookups::Addresses();
    });
    dial("nobody.example", port_, {.each = 5s});
    ASSERT_TRUE(ends());
    EXPECT_TRUE(dialled_->of_name);
    EXPECT_EQ(dialled_->error, asio::error::host_not_found);
}

TEST_F(DiallerTest, AnAddressThatSaysNothingHasItsTime) {
    const SilentPort silent(io_);
    dial("127.0.0.1", silent.port(), {.each = 20ms});
    ASSERT_TRUE(ends());
    EXPECT_EQ(dialled_->error, asio::error::timed_out);
}

TEST_F(DiallerTest, IsTriedAgainWithinTheWholeTime) {
    SilentPort silent(io_);
    dial("127.0.0.1", silent.port(), {.each = 30ms, .total = 15s});
    run_until([n = 0]() mutable { return ++n > 100; });
    EXPECT_FALSE(dialled_);
    silent.accept();
    ASSERT_TRUE(ends());
    EXPECT_TRUE(dialled_->stream);
}

TEST_F(DiallerTest, TheWholeTimeIsALimit) {
    const SilentPort silent(io_);
    dial("127.0.0.1", silent.port(), {.each = 10s, .total = 60ms});
    ASSERT_TRUE(ends());
    EXPECT_EQ(dialled_->error, asio::error::timed_out);
}

TEST_F(DiallerTest, HastenedItGivesTheAddressUp) {
    const SilentPort silent(io_);
    dial("127.0.0.1", silent.port(), {.each = 1h});
    run_until([n = 0]() mutable { return ++n > 10; });
    dialler_->hasten();
    ASSERT_TRUE(ends());
    EXPECT_EQ(dialled_->error, asio::error::timed_out);
}

TEST_F(DiallerTest, NobodyIsCalledAfterAStop) {
    const SilentPort silent(io_);
    for (const bool destroyed : {false, true}) {
        dial("127.0.0.1", silent.port(), {.each = 10ms});
        run_until([n = 0]() mutable { return ++n > 5; });
        const int before = calls_;  // on a busy machine its time may be over by now
        if (destroyed) {
            dialler_.reset();
        } else {
            dialler_->stop();
        }
        run_until([n = 0]() mutable { return ++n > 30; });
        EXPECT_EQ(calls_, before);
    }
}

TEST_F(DiallerTest, MayEndWithinItsOwnCall) {
    Dialler* const own = new Dialler(io_, {});
    bool called = false;
    own->dial({"127.0.0.1", port_}, {.each = 5s}, [&](const Dialled&) {
        delete own;
        called = true;
    });
    EXPECT_TRUE(run_until([&] { return called; }));
}

}  // namespace
}  // namespace zk::net
