#include "zkserver/server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>
#include <optional>
#include <unistd.h>
#include <utility>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include "admin/commands.h"
#include "admin/four_letter.h"
#include "admin/transfers.h"
#include "admin_server/admin_server.h"
#include "base/limits.h"
#include "clocks/clocks.h"
#include "core/turn.h"
#include "disk/log_thread.h"
#include "disk/posix_disk.h"
#include "disk/snapshot_writer.h"
#include "election/history.h"
#include "frontend/shares.h"
#include "net/alarm.h"
#include "net/client_loops.h"
#include "net/core_loop.h"
#include "net/election_links.h"
#include "net/process_facts.h"
#include "net/quorum_links.h"
#include "service_manager/service_manager.h"
#include "storage/recovery.h"
#include "tree/acl.h"
#include "tree/quotas.h"
#include "zkserver/version.h"

namespace zk::zkserver {
namespace {

namespace asio = boost::asio;

Result<std::string> read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return Error(boost::system::error_code(errno, boost::system::system_category()), path);
    }
    std::string text;
    std::array<char, 4096> block{};
    do {
        file.read(block.data(), block.size());
        text.append(block.data(), static_cast<std::size_t>(file.gcount()));
    } while (file);
    if (file.bad() || !file.eof())
        return Error(Errc::failed, path + ": is no file that can be read");
    return text;
}

bool is_missing(const Result<std::string>& text) {
    return !text.has_value() && text.error().code == boost::system::errc::no_such_file_or_directory;
}

/// Why a server cannot go on, with the way out where there is a usual one.
Failure failed(const std::string& why) {
    const boost::system::error_code no_space(ENOSPC, boost::system::system_category());
    const bool full = why.find(no_space.message()) != std::string::npos;
    const char* advice =
        full ? "; free space there and start again (autopurge.purgeInterval removes old files)"
             : "";
    return {ExitCode::failed, Error(Errc::failed, why + advice)};
}

core::LocalSessionMode local_session_mode(const ensemble::ServerConfig& config) {
    if (!config.local_sessions) return core::LocalSessionMode::off;
    return config.local_sessions_upgrading ? core::LocalSessionMode::upgradable
                                           : core::LocalSessionMode::on;
}

tree::AccessRules access_rules(const ensemble::ServerConfig& config) {
    return {.checks = !config.skip_acl, .digest = config.digest_enabled};
}

core::Settings core_settings(const Configuration& configuration) {
    const ensemble::ServerConfig& config = configuration.config;
    return {.my_id = configuration.my_id,
            .config = config.ensemble,
            .standalone = configuration.standalone(),
            .tick = config.tick_time,
            .init_limit = config.init_limit_ticks,
            .sync_limit = config.sync_limit_ticks,
            .extended_types =
                config.extended_types ? prep::ExtendedTypes::on : prep::ExtendedTypes::off,
            .enforce_quota = config.enforce_quota,
            .access = access_rules(config),
            .close_session_names_nodes = config.close_session_names_nodes,
            .jute_max_buffer = config.jute_max_buffer,
            .leader_serves = config.leader_serves,
            .sweep = {.interval = config.container_interval,
                      .removals_per_minute = config.container_removals_per_minute},
            .local_sessions = local_session_mode(config),
            .read_only_mode = config.read_only_mode && !configuration.standalone(),
            .snap_count = config.snap_count,
            .snap_bytes = config.snap_size_kib * 1024,
            .committed_window = config.committed_window,
            .election = {.resend_min = config.notification_interval_min,
                         .resend_max = config.notification_interval_max},
            .monotonic_ms = clocks::wall_now().value(),
            .seed = static_cast<std::uint64_t>(clocks::steady_now().time_since_epoch().count()),
            .stopwatch = clocks::steady_now};
}

storage::ExecutorOptions executor_options(const ensemble::ServerConfig& config) {
    storage::ExecutorOptions options;
    options.log.preallocate_bytes = static_cast<std::uint64_t>(config.log_grow_kib) * 1024;
    options.log.file_bytes_max =
        static_cast<std::uint64_t>(std::max<std::int64_t>(config.log_size_kib, 0)) * 1024;
    options.recovery.autocreate = config.db_autocreate;
    options.recovery.standalone = !config.replicated();
    // A limit that was lowered says nothing of what is in the log.
    options.recovery.payload_max =
        std::max(storage::kLogPayloadMax, limits::with_jute_extra(config.jute_max_buffer));
    options.recovery.stopwatch = clocks::steady_now;
    return options;
}

disk::LogThreadOptions log_options(const ensemble::ServerConfig& config) {
    return {.executor = executor_options(config), .slow_batch = config.slow_sync};
}

storage::SnapshotName::Compression compression_of(const ensemble::ServerConfig& config) {
    using Compression = storage::SnapshotName::Compression;
    switch (config.snapshot_compression) {
        case ensemble::SnapshotCompression::gz:
            return Compression::gz;
        case ensemble::SnapshotCompression::snappy:
            return Compression::snappy;
        case ensemble::SnapshotCompression::none:
            break;
    }
    return Compression::none;
}

net::QuorumLinkSettings quorum_settings(const Configuration& configuration,
                                        ensemble::MembershipPtr members) {
    const ensemble::ServerConfig& config = configuration.config;
    return {.my_id = configuration.my_id,
            .members = std::move(members),
            .connect_timeout = config.connect_limit(),
            .listen_on_all_addresses = config.listen_on_all_addresses,
            .dead_after = std::max(config.init_limit(), config.sync_limit()),
            .queue = zab::queue_limits_for(config.jute_max_buffer)};
}

net::ElectionLinkSettings election_settings(const Configuration& configuration,
                                            ensemble::MembershipPtr members) {
    const ensemble::ServerConfig& config = configuration.config;
    return {.my_id = configuration.my_id,
            .members = std::move(members),
            .connect_timeout = config.election_connect_timeout,
            .handshake_timeout = config.handshake_timeout(),
            .bind_retries = config.election_bind_retries,
            .listen_on_all_addresses = config.listen_on_all_addresses};
}

admin_server::Settings admin_settings(const Configuration& configuration) {
    admin_server::Settings settings;
    settings.config = configuration.config;
    settings.configuration = configuration.text;
    settings.version = admin::full_version(kVersion, kBuiltOn);
    return settings;
}

constexpr Duration kPurgeRetry = std::chrono::seconds(30);
/// Descriptors that clients may not take: a log file that cannot be opened ends the server.
constexpr int kDescriptorsKept = 512;

frontend::ConnectionThrottle::Settings connection_throttle(const ensemble::ServerConfig& config) {
    return {.tokens = config.connection_tokens,
            .fill_time = config.connection_fill_time,
            .fill_count = config.connection_fill_count,
            .freeze_time = config.connection_freeze_time,
            .drop_increase = config.connection_drop_increase,
            .drop_decrease = config.connection_drop_decrease,
            .decrease_ratio = config.connection_decrease_ratio,
            .weights = config.connection_weights,
            .global_weight = config.global_session_weight,
            .local_weight = config.local_session_weight,
            .renew_weight = config.renew_session_weight,
            .seed = static_cast<std::uint64_t>(clocks::steady_now().time_since_epoch().count())};
}

net::ClientSettings client_settings(const ensemble::ServerConfig& config) {
    net::ClientSettings settings;
    if (const int files = net::raise_open_files_limit(); files > 0) {
        settings.door.admission.descriptors_max = files - std::min(kDescriptorsKept, files / 4);
    }
    settings.loops = static_cast<std::uint32_t>(config.client_loops);
    settings.door.address = config.client_address;
    settings.door.port = *config.client_port;
    settings.door.backlog = config.client_backlog;
    settings.door.keep_alive = config.client_keep_alive;
    settings.door.admission.per_address_max = config.client_connections_max;
    settings.door.admission.connections_max = config.connections_max;
    settings.frontend.session_timeout_min_ms =
        static_cast<std::int32_t>(config.session_timeout_lowest().count());
    settings.frontend.session_timeout_max_ms =
        static_cast<std::int32_t>(config.session_timeout_highest().count());
    frontend::make_room(config.jute_max_buffer, settings.frontend);
    settings.frontend.outstanding_max = config.outstanding_max;
    settings.frontend.sessionless_max = config.sessionless_timeout;
    settings.frontend.super_digest = config.super_digest;
    settings.frontend.digest_algorithm = config.digest_algorithm;
    settings.frontend.access = access_rules(config);
    settings.frontend.request_throttle_max = config.request_throttle_max;
    settings.frontend.throttled_op_wait = config.throttled_op_wait;
    settings.frontend.large_request_threshold = config.large_request_threshold;
    settings.frontend.large_request_bytes_max = config.large_request_bytes_max;
    settings.frontend.connection_throttle = connection_throttle(config);
    settings.frontend.local_sessions = config.local_sessions && config.replicated();
    if (config.enforce_auth) settings.frontend.required_schemes = config.enforce_auth_schemes;
    return settings;
}

// Everything that runs, in the order it is built; destroyed in reverse, so threads end before what
// they call.
class Server final : public net::ServerPort, public net::WordPort {
  public:
    Server(Configuration configuration,
           storage::Paths paths,
           storage::RecoveredState recovered,
           Duration recovery_took,
           const Log& log)
        : configuration_(std::move(configuration)),
          log_(log),
          core_turn_(core_settings(configuration_), std::move(recovered), log_),
          loop_(io_, core_turn_, log_),
          clients_(io_,
                   client_settings(configuration_.config),
                   core_turn_.core().tree(),
                   loop_,
                   *this,
                   log_),
          signals_(io_, SIGTERM, SIGINT),
          purge_(io_),
          watchdog_(io_),
          log_thread_(disk_, paths, log_options(configuration_.config), loop_, log_),
          snapshot_thread_(
              snapshot_disk_, paths, loop_, log_, compression_of(configuration_.config)),
          admin_(
              admin_settings(configuration_),
              [this](const admin::AdminQuestion& question,
                     admin::Errand errand,
                     admin_server::Take take) {
                  answer_later(question, std::move(errand), std::move(take));
              },
              log_) {
        counts_.observe(metrics::Summary::dbinittime, to_ms(recovery_took));
        if (!configuration_.standalone()) meet_peers();
    }

    std::optional<Failure> run();

  private:
    void cannot_go_on(const std::string& why) override { stop(failed(why)); }
    void peer_port_failed(const Error& error) override {
        stop(Failure{ExitCode::peer_port, error});
    }
    void four_letter(std::string word,
                     Bytes argument,
                     std::function<void(std::string)> answer) override;
    std::string answer_to(std::string_view word, ByteView argument);
    [[nodiscard]] admin::Facts gather(const admin::Wanted& wanted);
    [[nodiscard]] metrics::Metrics counted(const admin::Facts& facts) const;
    void carry_out(admin::Deed deed, std::int64_t trace_mask);
    void answer_later(admin::AdminQuestion question, admin::Errand errand, admin_server::Take take);
    void transfer(const admin::AdminQuestion& question,
                  const admin::Errand& errand,
                  admin_server::Take take);
    void told(const core::OperatorNews& news) override;
    void meet_peers();
    void stop(std::optional<Failure> why);
    void purge_later();
    void show_that_it_lives();

    Configuration configuration_;
    Log log_;
    asio::io_context io_{1};
    core::Turn core_turn_;
    net::CoreLoop loop_;
    std::optional<net::QuorumLinks> quorum_;      ///< none of a server alone
    std::optional<net::ElectionLinks> election_;  ///< none of a server alone
    net::ClientLoops clients_;
    asio::signal_set signals_;
    net::Alarm purge_;
    net::Alarm watchdog_;
    disk::PosixDisk disk_, snapshot_disk_;
    disk::LogThread log_thread_;
    disk::SnapshotThread snapshot_thread_;
    Instant started_ = clocks::steady_now();
    std::uint16_t client_port_ = 0;
    std::int64_t trace_mask_ = admin::kTraceMask;
    metrics::Metrics counts_;           ///< of the start
    admin_server::Take transfer_ends_;  ///< of the snapshot or restore that goes on
    std::optional<Failure> failure_;
    bool stopping_ = false;
    bool roll_call_ = false;  ///< not every client loop has answered yet
    /// The last: its thread asks all the others.
    admin_server::AdminServer admin_;
};

void Server::meet_peers() {
    const ensemble::MembershipPtr members = core_turn_.core().members();
    quorum_.emplace(io_, quorum_settings(configuration_, members), loop_, *this, log_);
    election_.emplace(io_, election_settings(configuration_, members), loop_, *this, log_);
}

std::optional<Failure> Server::run() {
    const Result<std::uint16_t> opened = clients_.open();
    if (!opened.has_value()) return Failure{ExitCode::failed, opened.error()};
    client_port_ = *opened;
    signals_.async_wait([this](boost::system::error_code error, int signal) {
        if (error) return;
        log_.info("server.signal number={}", signal);
        stop(std::nullopt);
    });
    if (election_) election_->start();
    if (quorum_) quorum_->check_port();
    loop_.start({.notifications = election_ ? &*election_ : nullptr,
                 .quorum = quorum_ ? &*quorum_ : nullptr,
                 .log = log_thread_,
                 .snapshots = snapshot_thread_,
                 .clients = clients_,
                 .server = *this});
    purge_later();
    admin_.start();
    log_.info("server.started client_port={}", client_port_);
    service_manager::tell_ready();
    show_that_it_lives();
    io_.run();
    if (!failure_) log_.info("server.stopped");
    return failure_;
}

// For systemd's watchdog: the loop of core and peers turns, and so do those that serve clients. A slow disk does not stop
// them.
void Server::show_that_it_lives() {
    const std::optional<Duration> interval = service_manager::watchdog_interval();
    if (!interval) return;
    if (!std::exchange(roll_call_, true)) {
        clients_.roll_call([this] {
            roll_call_ = false;
            service_manager::tell_alive();
        });
    }
    watchdog_.set(*interval, [this] { show_that_it_lives(); });
}

// autopurge: at once and then every purgeInterval hours, as Apache does.
void Server::purge_later() {
    const ensemble::ServerConfig& config = configuration_.config;
    if (config.purge_interval_hours <= 0) return;
    // Only while serving: a synchronisation may be moving the same files.
    const bool now = core_turn_.core().serving();
    if (now) snapshot_thread_.purge(config.snapshots_kept);
    const Duration wait =
        now ? Duration(std::chrono::hours(config.purge_interval_hours)) : kPurgeRetry;
    purge_.set(wait, [this] { purge_later(); });
}

// Ends the loop: what the log thread still has is written by its destructor, in order.
void Server::stop(std::optional<Failure> why) {
    if (stopping_) return;
    stopping_ = true;
    failure_ = std::move(why);
    service_manager::tell_stopping();
    admin_.stop();
    loop_.stop();
    clients_.stop();
    if (election_) election_->close();
    if (quorum_) quorum_->stop();
    signals_.cancel();
    purge_.stop();
    watchdog_.stop();
    io_.stop();
}

admin::Facts Server::gather(const admin::Wanted& wanted) {
    const core::Core& core = core_turn_.core();
    admin::Facts facts;
    facts.status = core.status();
    facts.traffic = clients_.statistics();
    if (wanted.elections) facts.elections = election::to_text(core.elections());
    if (wanted.connections) facts.connections = clients_.connections();
    if (wanted.watches) facts.watched = clients_.watched_paths();
    if (wanted.sessions) facts.sessions = core.sessions_page();
    if (wanted.digests) {
        const auto& digests = core.tree().digests();
        facts.digests.assign(digests.begin(), digests.end());
    }
    if (wanted.quotas) {
        facts.quotas = tree::quota_usage(core.tree());
        facts.quota_refusals = core.quota_refusals();
    }
    if (wanted.log) {
        const disk::SyncStatistics syncs = log_thread_.syncs();
        facts.log = {static_cast<std::int64_t>(syncs.count),
                     syncs.total,
                     syncs.shortest,
                     syncs.longest,
                     syncs.pending,
                     static_cast<std::int64_t>(syncs.slow)};
        facts.counts = counted(facts);
    }
    facts.trace_mask = trace_mask_;
    facts.client_port = client_port_;
    facts.now = clocks::steady_now();
    facts.wall = clocks::wall_now();
    facts.uptime = facts.now - started_;
    facts.version = admin::full_version(kVersion, kBuiltOn);
    return facts;
}

metrics::Metrics Server::counted(const admin::Facts& facts) const {
    using metrics::Counter;
    using metrics::Summary;
    const admin::LogFacts& log = facts.log;
    metrics::Metrics all = core_turn_.core().counts();
    all.merge(counts_);
    all.merge(facts.traffic.counts);
    all.merge(admin_.counts());
    if (quorum_) all.merge(quorum_->counts());
    all.add(Counter::bytes_received_count, facts.traffic.bytes_received);
    all.add(Counter::sessionless_connections_expired, facts.traffic.sessionless_expired);
    all.add(Counter::connection_rejected, clients_.refused());
    all.add(Counter::digest_mismatches_count,
            static_cast<std::int64_t>(facts.status.digest_mismatches));
    all.set(Summary::snapshottime, loop_.snapshot_times_ms());
    // Apache's counts only the sync itself, here the write before it counts as well.
    all.set(Summary::fsynctime,
            metrics::Distribution::summed(
                log.syncs, to_ms(log.total), to_ms(log.shortest), to_ms(log.longest)));
    return all;
}

/// On the admin server's thread.
void Server::answer_later(admin::AdminQuestion question,
                          admin::Errand errand,
                          admin_server::Take take) {
    asio::post(io_, [this, question, errand = std::move(errand), take = std::move(take)] {
        if (stopping_) return;
        if (question.needs_rights) return transfer(question, errand, take);
        if (core_turn_.core().has_clients() || !question.needs_service)
            carry_out(question.deed, question.trace_mask);
        take(gather(question.wanted));
    });
}

void Server::transfer(const admin::AdminQuestion& question,
                      const admin::Errand& errand,
                      admin_server::Take take) {
    const core::Core& core = core_turn_.core();
    admin::Facts facts = gather(question.wanted);
    facts.authorized =
        admin::may_transfer(core.tree(), errand.asks, access_rules(configuration_.config));
    facts.busy = transfer_ends_ != nullptr;
    const bool begins = facts.authorized && !facts.busy && core.serving();
    if (!begins || question.deed == admin::Deed::none) return take(std::move(facts));
    transfer_ends_ = std::move(take);
    if (question.deed == admin::Deed::restore) return loop_.post(std::move(*errand.restore));
    loop_.post(core::TakeSnapshot{});
}

void Server::told(const core::OperatorNews& news) {
    if (!transfer_ends_) return;
    admin::Facts facts = gather({});
    facts.done_at = std::visit([](const auto& one) { return one.zxid; }, news);
    std::exchange(transfer_ends_, nullptr)(std::move(facts));
}

void Server::carry_out(admin::Deed deed, std::int64_t trace_mask) {
    switch (deed) {
        case admin::Deed::none:
        case admin::Deed::take_snapshot:
        case admin::Deed::restore:
            return;  // the last two: transfer()
        case admin::Deed::reset_connections:
            return clients_.reset_connection_statistics();
        case admin::Deed::reset_server:
            clients_.reset_statistics();
            admin_.reset_counts();
            if (quorum_) quorum_->reset_counts();
            return core_turn_.reset_statistics();
        case admin::Deed::set_trace_mask:
            trace_mask_ = trace_mask;
            return;
    }
}

void Server::four_letter(std::string word,
                         Bytes argument,
                         std::function<void(std::string)> answer) {
    asio::dispatch(
        io_,
        [this, word = std::move(word), argument = std::move(argument), answer = std::move(answer)] {
            if (!stopping_) answer(answer_to(word, argument));
        });
}

std::string Server::answer_to(std::string_view word, ByteView argument) {
    const ensemble::ServerConfig& config = configuration_.config;
    const bool allowed = admin::is_allowed(word, config.four_letter_words);
    const bool answers = core_turn_.core().has_clients() || !admin::needs_service(word);
    if (!allowed || !answers) return admin::answer(word, gather({}), config);
    const std::int64_t mask = argument.size() == 8 ? load_be<std::int64_t>(argument.data()) : 0;
    carry_out(admin::deed_of(word), mask);
    const admin::Wanted wanted = admin::wanted_by(word);
    admin::Facts facts = gather(wanted);
    if (wanted.process) facts.process = net::process_facts(config.data_dir, config.log_dir());
    if (wanted.environment) facts.environment = net::environment_facts(facts.version);
    return admin::answer(word, facts, config);
}

}  // namespace

Result<> load_configuration(const std::string& path,
                            const std::vector<ensemble::Property>& properties,
                            Configuration& configuration) {
    configuration.file = path;
    ensemble::ServerConfig& config = configuration.config;
    ZK_TRY(configuration.text, read_text(path));
    ZK_CHECK(ensemble::read_zoo_cfg(configuration.text, path, config, properties));
    ZK_CHECK(ensemble::check_supported(config, path));
    const std::string myid_path = config.data_dir + "/myid";
    auto myid_text = read_text(myid_path);
    if (configuration.standalone() && is_missing(myid_text)) {
        return ensemble::check_client_port(config, configuration.my_id, path);
    }
    if (!myid_text.has_value()) {
        return myid_text.error().with_context(
            "this server's number cannot be read: the file myid in dataDir must hold the N of its "
            "server.N line");
    }
    ZK_TRY(configuration.my_id, ensemble::parse_myid(*myid_text, myid_path));
    ZK_CHECK(ensemble::set_identity(config, configuration.my_id, path));
    if (configuration.standalone()) configuration.my_id = ServerId(0);
    return ensemble::check_client_port(config, configuration.my_id, path);
}

Configuration configuration_of(const AloneArguments& arguments) {
    Configuration configuration;
    configuration.file = "the command line";
    ensemble::ServerConfig& config = configuration.config;
    config.client_port = arguments.client_port;
    config.data_dir = arguments.data_dir;
    if (arguments.tick_ms) config.tick_time = milliseconds(*arguments.tick_ms);
    config.client_connections_max = arguments.connections_max.value_or(0);
    return configuration;
}

namespace {

/// What is wrong with a directory before anything is written to it.
Result<> check_directory(const std::string& dir, const char* key, bool autocreate) {
    const std::string versioned = dir + "/version-2";
    const bool missing = ::access(versioned.c_str(), F_OK) != 0;
    const std::string& written = missing ? dir : versioned;
    if (missing && !autocreate) {
        return Error(Errc::not_found,
                     versioned + " is missing and datadir.autocreate=false; correct " + key +
                         ", or create it");
    }
    if (::access(written.c_str(), W_OK | X_OK) == 0) return ok();
    if (errno == ENOENT) return ok();  // it is made with its parents
    return Error(boost::system::error_code(errno, boost::system::system_category()),
                 written + " cannot be written by uid " + std::to_string(::geteuid()) +
                     "; give it to the server's user, or correct " + key);
}

Result<storage::RecoveredState> open_database(const ensemble::ServerConfig& config,
                                              const storage::Paths& paths,
                                              disk::DirectoryLock& lock,
                                              const Log& log) {
    ZK_CHECK(check_directory(paths.data_dir, "dataDir", config.data_dir_autocreate));
    ZK_CHECK(check_directory(paths.log_dir, "dataLogDir", config.data_dir_autocreate));
    ZK_TRY(lock, disk::DirectoryLock::acquire(paths));
    disk::PosixDisk disk;
    return storage::recover(disk, paths, executor_options(config).recovery, log);
}

}  // namespace

std::optional<Failure> run(Configuration configuration, Log log) {
    log = log.with("sid=" + to_string(configuration.my_id));  // 0 of a server alone
    log.info("server.starting version={} config={} data={} log={}",
             kVersion,
             configuration.file,
             configuration.config.data_dir,
             configuration.config.log_dir());
    for (const std::string& warning : configuration.config.warnings) {
        log.warn("config.warning what=\"{}\"", warning);
    }
    const storage::Paths paths{configuration.config.data_dir, configuration.config.log_dir()};
    disk::DirectoryLock lock;
    const Instant began = clocks::steady_now();
    auto recovered = open_database(configuration.config, paths, lock, log);
    if (!recovered.has_value()) return Failure{ExitCode::data_directory, recovered.error()};
    const Duration took = clocks::steady_now() - began;
    Server server(std::move(configuration), paths, *std::move(recovered), took, log);
    return server.run();
}

}  // namespace zk::zkserver
