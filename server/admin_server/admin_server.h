// The admin server: commands and metrics over HTTP, on a thread of its own.
// Shell. What is asked of the server goes to its loop as one question and comes back as a value (admin::Facts); sizes of
// directories, text, JSON, and trees that are to be restored are made here, where they hold nobody up. Whatever a stranger
// can ask for is bounded: by http::Limits, and by how many questions may be under way.
//
// A port that cannot be had is told and tried again: a server that serves clients does not end for it.
// Source: ZooKeeper JettyAdminServer, PrometheusMetricsProvider.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "admin/commands.h"
#include "admin/facts.h"
#include "admin/transfers.h"
#include "base/log.h"
#include "base/time.h"
#include "ensemble/zoo_cfg.h"
#include "metrics/metrics.h"

namespace zk::admin_server {

struct Settings {
    ensemble::ServerConfig config;
    std::string configuration;                  ///< the text of zoo.cfg; empty: there is none
    std::string version;                        ///< admin::full_version()
    Duration retry = std::chrono::seconds(10);  ///< of a port that cannot be had
};

/// Takes the facts; called once at most, from any thread.
using Take = std::function<void(admin::Facts)>;
/// Asks the server; called on the admin server's thread, returns at once. The errand is for deeds that only some may do.
using Ask = std::function<void(const admin::AdminQuestion&, admin::Errand, Take)>;

class AdminServer {
  public:
    /// Questions that may wait for the server at a time; who asks more is answered 503.
    static constexpr std::size_t kQuestionsMax = 16;

    AdminServer(Settings settings, Ask ask, Log log);
    /// stop().
    ~AdminServer();
    AdminServer(const AdminServer&) = delete;
    AdminServer& operator=(const AdminServer&) = delete;

    /// What of commands and metrics the configuration switches on begins to listen. The first try is over when it returns.
    void start();
    /// Closes everything and ends the thread. Takes of questions under way may still be called, and do nothing.
    void stop();

    /// 0: does not listen (yet).
    [[nodiscard]] std::uint16_t command_port() const { return command_port_; }
    [[nodiscard]] std::uint16_t metrics_port() const { return metrics_port_; }

    /// Of snapshots and restores. Any thread, as reset_counts().
    [[nodiscard]] metrics::Metrics counts() const;
    void reset_counts();

  private:
    struct Parts;
    std::atomic<std::uint16_t> command_port_ = 0;
    std::atomic<std::uint16_t> metrics_port_ = 0;
    std::shared_ptr<Parts> parts_;
};

/// What `sysp` shows: what the system is, and each key of the file that Apache's server makes a property of, without
/// secrets.
admin::Environment properties_of(const std::string& configuration,
                                 const admin::Environment& environment);

}  // namespace zk::admin_server
