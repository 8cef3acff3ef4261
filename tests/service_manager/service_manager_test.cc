#include "service_manager/service_manager.h"

#include <array>
#include <cstdlib>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace zk::service_manager {
namespace {

/// Stands where systemd listens.
class ServiceManager : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_NE(::mkdtemp(dir_.data()), nullptr);
        path_ = dir_ + "/notify";
        socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.copy(address.sun_path, sizeof address.sun_path - 1);
        ASSERT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        ::setenv("NOTIFY_SOCKET", path_.c_str(), 1);
    }
    void TearDown() override {
        for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
            ::unsetenv(name);
        ::close(socket_);
        ::unlink(path_.c_str());
        ::rmdir(dir_.c_str());
    }
    /// The next datagram; empty when there is none.
    std::string heard() {
        std::array<char, 64> text{};
        const ssize_t size = ::recv(socket_, text.data(), text.size(), 0);
        return size <= 0 ? "" : std::string(text.data(), static_cast<std::size_t>(size));
    }
    static void watch(const std::string& usec, const std::string& pid) {
        ::setenv("WATCHDOG_USEC", usec.c_str(), 1);
        ::setenv("WATCHDOG_PID", pid.c_str(), 1);
    }

    std::string dir_ = testing::TempDir() + "notifyXXXXXX";
    std::string path_;
    int socket_ = -1;
};

TEST_F(ServiceManager, IsToldInItsWords) {
    tell_ready();
    tell_alive();
    tell_stopping();
    EXPECT_EQ(heard(), "READY=1");
    EXPECT_EQ(heard(), "WATCHDOG=1");
    EXPECT_EQ(heard(), "STOPPING=1");
    EXPECT_EQ(heard(), "");
}

TEST_F(ServiceManager, OneThatIsNotThereOrDoesNotReadIsNotWaitedFor) {
    for (int i = 0; i < 10000; ++i) tell_alive();  // more than any queue holds
    EXPECT_EQ(heard(), "WATCHDOG=1");
    for (const std::string& place : {std::string("/nowhere/notify"),
                                     std::string("no-path"),
                                     std::string("@nobody"),
                                     "/" + std::string(200, 'x')}) {
        ::setenv("NOTIFY_SOCKET", place.c_str(), 1);
        tell_ready();
    }
    ::unsetenv("NOTIFY_SOCKET");
    tell_ready();
}

TEST_F(ServiceManager, TheWatchdogsIntervalIsHalfOfItsPatience) {
    EXPECT_FALSE(watchdog_interval());
    watch("60000000", std::to_string(::getpid()));
    EXPECT_EQ(watchdog_interval(), std::chrono::seconds(30));
    ::unsetenv("WATCHDOG_PID");
    EXPECT_EQ(watchdog_interval(), std::chrono::seconds(30));
    ::unsetenv("NOTIFY_SOCKET");
    EXPECT_FALSE(watchdog_interval()) << "nobody to tell";
}

TEST_F(ServiceManager, AWatchdogOfAnotherProcessIsNotOurs) {
    watch("60000000", std::to_string(::getppid()));
    EXPECT_FALSE(watchdog_interval());
    for (const char* usec : {"", "0", "-5", "x", "60s", "99999999999999999999"}) {
        watch(usec, std::to_string(::getpid()));
        EXPECT_FALSE(watchdog_interval()) << usec;
    }
}

}  // namespace
}  // namespace zk::service_manager
