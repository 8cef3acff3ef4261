#include "admin_server/admin_server.h"

#include <fstream>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "admin/mntr.h"
#include "admin/prometheus.h"
#include "admin_server/restore_upload.h"
#include "clocks/clocks.h"
#include "ensemble/config_keys.h"
#include "ensemble/properties.h"
#include "http/http_listener.h"
#include "net/process_facts.h"
#include "storage/recovery.h"
#include "storage/snapshot_file.h"
#include "threads/mutex.h"

namespace zk::admin_server {
namespace {

namespace asio = boost::asio;
using admin::AdminQuestion;
using admin::AdminTarget;
using admin::Facts;
using admin::Transfer;

/// A snapshot or a restore of a large tree takes a while.
constexpr std::chrono::minutes kTransferTime{30};

http::Response page(unsigned status, std::string_view type, std::string body) {
    http::Response response;
    response.status = status;
    response.content_type = type;
    response.body = std::move(body);
    return response;
}

http::Response plain(unsigned status, std::string words) {
    return page(status, "text/plain; charset=utf-8", std::move(words) + "\n");
}

http::Response json(const admin::TransferAnswer& answer) {
    return page(answer.status, "application/json", answer.json);
}

bool is_failure(unsigned status) { return status == 500 || status == 400; }

/// The snapshot's file, whatever it is compressed by; null: it is gone, or cannot be read.
std::shared_ptr<std::ifstream> open_snapshot(const std::string& directory, Zxid zxid) {
    using Compression = storage::SnapshotName::Compression;
    for (const Compression one : {Compression::none, Compression::gz, Compression::snappy}) {
        auto file = std::make_shared<std::ifstream>(
            directory + "/" + storage::snapshot_name(zxid, one), std::ios::binary | std::ios::ate);
        if (file->is_open()) return file;
    }
    return nullptr;
}

/// The file stays open from here on: it may be purged while it is read. Nothing: it is gone, or cannot be read.
std::optional<http::Response> snapshot_page(const std::string& directory, Zxid zxid, bool streams) {
    const std::shared_ptr<std::ifstream> file = open_snapshot(directory, zxid);
    const std::streamoff bytes = file ? std::streamoff(file->tellg()) : -1;
    if (bytes < 0) return std::nullopt;
    http::Response response;
    response.header = {{"last_zxid", admin::hex(zxid.value())},
                       {"snapshot_size", std::to_string(bytes)}};
    if (!streams) return response;
    file->seekg(0);
    response.content_type = "application/octet-stream";
    response.source_bytes = static_cast<std::uint64_t>(bytes);
    response.source = [file](std::size_t bytes_max) {
        std::string piece(bytes_max, '\0');
        file->read(piece.data(), static_cast<std::streamsize>(bytes_max));
        piece.resize(static_cast<std::size_t>(file->gcount()));
        return piece;
    };
    return response;
}

http::Settings listener_settings(const std::string& address, int port, Duration idle) {
    http::Settings settings;
    // Other names are not looked up: one address is meant, and a name may have several.
    settings.address = address == "localhost" ? "127.0.0.1" : address;
    settings.port = static_cast<std::uint16_t>(port);
    // Whoever watches servers calls them by the name that it knows.
    settings.any_name = true;
    settings.limits.idle_time = std::chrono::duration_cast<std::chrono::milliseconds>(idle);
    return settings;
}

}  // namespace

admin::Environment properties_of(const std::string& configuration,
                                 const admin::Environment& environment) {
    std::map<std::string, std::string> sorted = {
        {"file.separator", "/"}, {"line.separator", "\n"}, {"path.separator", ":"}};
    for (const auto& [key, value] : environment) {
        const bool system = key.starts_with("os.") && !key.starts_with("os.memory.");
        if (system || key.starts_with("user.")) sorted[key] = value;
    }
    const auto read = ensemble::read_properties(configuration, "zoo.cfg");
    if (read.has_value()) {
        for (const ensemble::Property& property : *read) {
            const ensemble::ConfigKey* key = ensemble::find_config_key(property.key);
            // What its parser uses itself becomes no property.
            if (key != nullptr && key->source.starts_with("QuorumPeer")) continue;
            sorted["zookeeper." + property.key] =
                admin::names_a_secret(property.key) ? "***" : property.value;
        }
    }
    return {sorted.begin(), sorted.end()};
}

struct AdminServer::Parts : std::enable_shared_from_this<AdminServer::Parts> {
    Parts(Settings wanted, Ask asker, Log to)
        : settings(std::move(wanted)), ask(std::move(asker)), log(std::move(to)), retry(io) {
        environment = net::environment_facts(settings.version);
        properties = properties_of(settings.configuration, environment);
        shown_configuration = admin::without_secrets(settings.configuration);
    }

    void make_listeners();
    /// Tries what does not listen yet, and again later if it must.
    void listen(AdminServer& owner);
    void answer_command(const http::Request& request, http::Reply reply);
    void answer_snapshot(const AdminTarget& target,
                         const http::Request& request,
                         http::Reply reply);
    void receive(const http::Request& request, std::function<void(http::Reception)> done);
    void restore(std::shared_ptr<core::Restore> taken,
                 std::vector<jute::AuthId> asks,
                 http::Reply reply);
    /// Why not even to ask the server; sets `asks` when there is no reason.
    std::optional<admin::TransferAnswer> refuse(Transfer transfer,
                                                const http::Request& request,
                                                std::vector<jute::AuthId>& asks) const;
    void answer_metrics(const http::Request& request, http::Reply reply);
    /// `render` makes the answer of the facts.
    void inquire(const AdminQuestion& question,
                 http::Reply reply,
                 std::function<http::Response(const Facts&)> render,
                 admin::Errand errand = {});
    void complete(Facts& facts, const admin::Wanted& wanted) const;
    /// Counts it, if that is due.
    http::Response refusal(Transfer transfer, const admin::TransferAnswer& answer);

    struct Waiting {
        http::Reply reply;
        std::function<http::Response(const Facts&)> render;
        admin::Wanted wanted;
    };

    Settings settings;
    Ask ask;
    Log log;
    admin::Environment environment, properties;
    std::string shown_configuration;
    asio::io_context io{1};
    asio::steady_timer retry;
    std::optional<http::HttpListener> commands, metrics;
    std::string command_failure, metrics_failure;
    std::map<std::uint64_t, Waiting> waiting;  ///< questions under way
    std::uint64_t next_question = 1;
    admin::RateLimit snapshots{settings.config.admin_rate_interval};
    admin::RateLimit restores{settings.config.admin_rate_interval};
    std::weak_ptr<RestoreUpload> upload;  ///< one at a time
    Instant upload_began{};
    mutable threads::Mutex counts_mutex;
    metrics::Metrics counts ZK_GUARDED_BY(counts_mutex);
    std::thread thread;
    bool stopped = false;
};

AdminServer::AdminServer(Settings settings, Ask ask, Log log)
    : parts_(std::make_shared<Parts>(std::move(settings), std::move(ask), std::move(log))) {}

AdminServer::~AdminServer() { stop(); }

void AdminServer::start() {
    Parts& parts = *parts_;
    parts.make_listeners();
    if (!parts.commands && !parts.metrics) return;
    parts.listen(*this);
    parts.thread = std::thread([kept = parts_] {
        const auto work = asio::make_work_guard(kept->io);
        kept->io.run();
    });
}

void AdminServer::stop() {
    Parts& parts = *parts_;
    if (!parts.thread.joinable()) return;
    asio::post(parts.io, [&parts] {
        parts.stopped = true;
        parts.retry.cancel();
        parts.waiting.clear();
        if (parts.commands) parts.commands->stop();
        if (parts.metrics) parts.metrics->stop();
        parts.io.stop();
    });
    parts.thread.join();
    parts.ask = nullptr;
}

void AdminServer::Parts::make_listeners() {
    const ensemble::ServerConfig& config = settings.config;
    if (config.admin_enabled) {
        http::Settings wanted =
            listener_settings(config.admin_address, config.admin_port, config.admin_idle_timeout);
        wanted.limits.answer_time = kTransferTime;
        wanted.receive = [this](const http::Request& request,
                                std::function<void(http::Reception)> done) {
            receive(request, std::move(done));
        };
        commands.emplace(
            io.get_executor(),
            std::move(wanted),
            [this](const http::Request& request, http::Reply reply) {
                answer_command(request, std::move(reply));
            },
            log.with("port=admin"));
    }
    if (config.metrics_endpoint()) {
        metrics.emplace(
            io.get_executor(),
            listener_settings(config.metrics_host, config.metrics_port, std::chrono::minutes(2)),
            [this](const http::Request& request, http::Reply reply) {
                answer_metrics(request, std::move(reply));
            },
            log.with("port=metrics"));
    }
}

void AdminServer::Parts::listen(AdminServer& owner) {
    bool again = false;
    const auto attempt = [&](std::optional<http::HttpListener>& listener,
                             std::atomic<std::uint16_t>& port,
                             std::string& failure,
                             std::string_view key) {
        if (!listener || listener->port() != 0) return;
        const auto started = listener->start();
        port = listener->port();
        if (started.has_value()) return;
        again = true;
        const std::string why = started.error().message();
        if (why != failure) log.error("admin.not_listening key={} why=\"{}\"", key, why);
        failure = why;
    };
    attempt(commands, owner.command_port_, command_failure, "admin.serverPort");
    attempt(metrics, owner.metrics_port_, metrics_failure, "metricsProvider.httpPort");
    if (!again) return;
    retry.expires_after(settings.retry);
    retry.async_wait([this, &owner](const boost::system::error_code& code) {
        if (!code && !stopped) listen(owner);
    });
}

void AdminServer::Parts::answer_command(const http::Request& request, http::Reply reply) {
    const std::string& url = settings.config.admin_command_url;
    const AdminTarget target = admin::read_target(request.target, url);
    switch (target.kind) {
        case AdminTarget::Kind::absent:
            return reply(plain(404, "here is " + url));
        case AdminTarget::Kind::list:
            return reply(page(200, "text/html; charset=utf-8", admin::command_list(url)));
        case AdminTarget::Kind::command:
            break;
    }
    const Transfer transfer = admin::transfer_of(target);
    if (transfer == Transfer::snapshot) return answer_snapshot(target, request, std::move(reply));
    if (transfer == Transfer::restore)
        return reply(json(admin::transfer_refused(transfer, 405, "a restore is a POST")));
    auto render = [this, target](const Facts& facts) {
        return page(200, "application/json", admin::answer_command(target, facts, settings.config));
    };
    const auto question = admin::question_of(target);
    if (!question) return reply(render(Facts()));
    inquire(*question, std::move(reply), std::move(render));
}

void AdminServer::Parts::answer_metrics(const http::Request& request, http::Reply reply) {
    const std::string_view path =
        std::string_view(request.target).substr(0, request.target.find('?'));
    if (path != "/metrics") return reply(plain(404, "here is /metrics"));
    inquire({.wanted = {.process = true, .log = true, .quotas = true}, .needs_service = false},
            std::move(reply),
            [this](const Facts& facts) {
                return page(
                    200, admin::kPrometheusType, admin::prometheus_page(facts, settings.config));
            });
}

std::optional<admin::TransferAnswer> AdminServer::Parts::refuse(
    Transfer transfer, const http::Request& request, std::vector<jute::AuthId>& asks) const {
    const ensemble::ServerConfig& config = settings.config;
    const bool snapshot = transfer == Transfer::snapshot;
    if (!(snapshot ? config.admin_snapshot : config.admin_restore))
        return admin::transfer_refused(
            transfer,
            503,
            snapshot ? "admin.snapshot.enabled=false" : "admin.restore.enabled=false");
    admin::Proof proof = admin::proof_of(transfer, request.authorization, request.remote, config);
    asks = std::move(proof.ids);
    if (proof.refusal) return proof.refusal;
    if (!(snapshot ? snapshots : restores).allows(clocks::steady_now()))
        return admin::transfer_refused(transfer,
                                       429,
                                       "the last one was less than admin.rateLimiterIntervalInMS=" +
                                           std::to_string(config.admin_rate_interval.count()) +
                                           " ago; try again later");
    return std::nullopt;
}

void AdminServer::Parts::answer_snapshot(const AdminTarget& target,
                                         const http::Request& request,
                                         http::Reply reply) {
    admin::Errand errand;
    if (const auto answer = refuse(Transfer::snapshot, request, errand.asks))
        return reply(refusal(Transfer::snapshot, *answer));
    const bool streams = target.parameter("streaming").value_or("true") != "false";
    inquire(
        *admin::question_of(target),
        std::move(reply),
        [this, target, streams](const Facts& facts) {
            if (const auto answer = admin::transfer_refused(Transfer::snapshot, facts))
                return refusal(Transfer::snapshot, *answer);
            if (!facts.done_at)
                return refusal(
                    Transfer::snapshot,
                    admin::transfer_refused(
                        Transfer::snapshot, 500, "given up: the server has stopped serving"));
            snapshots.note(clocks::steady_now());
            const storage::Paths paths{settings.config.data_dir, settings.config.log_dir()};
            auto response = snapshot_page(paths.snapshots(), *facts.done_at, streams);
            if (!response) {
                return refusal(
                    Transfer::snapshot,
                    admin::transfer_refused(
                        Transfer::snapshot, 500, "the snapshot's file is gone or cannot be read"));
            }
            if (!streams) {
                response->content_type = "application/json";
                response->body = admin::answer_command(target, facts, settings.config);
            }
            return *std::move(response);
        },
        std::move(errand));
}

/// Whoever may not is told so before the first byte.
void AdminServer::Parts::receive(const http::Request& request,
                                 std::function<void(http::Reception)> done) {
    const auto refuse_with = [done](http::Response response) {
        done({.upload = nullptr, .refusal = std::move(response)});
    };
    const AdminTarget target =
        admin::read_target(request.target, settings.config.admin_command_url);
    if (admin::transfer_of(target) != Transfer::restore)
        return refuse_with(plain(405, "only restore takes a POST here"));
    admin::Errand errand;
    if (const auto answer = refuse(Transfer::restore, request, errand.asks))
        return refuse_with(refusal(Transfer::restore, *answer));
    auto asks = errand.asks;
    // Whoever may is told so by `done` itself; what follows it is not heard any more.
    auto reply = [refuse_with](http::Response response) { refuse_with(std::move(response)); };
    inquire(
        *admin::question_of(target),
        std::move(reply),
        [this, done, asks](const Facts& facts) {
            auto answer = admin::transfer_refused(Transfer::restore, facts);
            if (!answer && !upload.expired())
                answer = admin::transfer_refused(
                    Transfer::restore, 429, "another restore is under way; try again later");
            if (answer) return refusal(Transfer::restore, *answer);
            auto made = std::make_shared<RestoreUpload>(
                [this, asks](std::shared_ptr<core::Restore> taken, http::Reply to) {
                    restore(std::move(taken), asks, std::move(to));
                },
                [this](const admin::TransferAnswer& failed) {
                    return refusal(Transfer::restore, failed);
                });
            upload = made;
            upload_began = clocks::steady_now();
            done({.upload = std::move(made), .refusal = {}});
            return http::Response();
        },
        std::move(errand));
}

void AdminServer::Parts::restore(std::shared_ptr<core::Restore> taken,
                                 std::vector<jute::AuthId> asks,
                                 http::Reply reply) {
    inquire({.wanted = {}, .deed = admin::Deed::restore, .needs_rights = true},
            std::move(reply),
            [this](const Facts& facts) {
                if (facts.done_at) {
                    const Instant now = clocks::steady_now();
                    restores.note(now);
                    const threads::Lock lock(counts_mutex);
                    counts.observe(metrics::Summary::restore_time, to_ms(now - upload_began));
                    return json(admin::restored(*facts.done_at));
                }
                const auto answer = admin::transfer_refused(Transfer::restore, facts);
                return refusal(Transfer::restore,
                               answer ? *answer
                                      : admin::transfer_refused(
                                            Transfer::restore, 500, "the server has not taken it"));
            },
            {.asks = std::move(asks), .restore = std::move(taken)});
}

void AdminServer::Parts::inquire(const AdminQuestion& question,
                                 http::Reply reply,
                                 std::function<http::Response(const Facts&)> render,
                                 admin::Errand errand) {
    if (waiting.size() >= kQuestionsMax)
        return reply(plain(503, "as many questions as there may be are under way"));
    const std::uint64_t number = next_question++;
    waiting.emplace(number, Waiting{std::move(reply), std::move(render), question.wanted});
    // Answers come from the server's thread, maybe when all this is over.
    ask(question, std::move(errand), [weak = weak_from_this(), number](Facts facts) {
        const auto parts = weak.lock();
        if (!parts) return;
        // It runs on the loop of `parts` or not at all, so it need not hold them.
        asio::post(parts->io, [own = parts.get(), number, facts = std::move(facts)]() mutable {
            const auto found = own->waiting.find(number);
            if (found == own->waiting.end()) return;
            Waiting asked = std::move(found->second);
            own->waiting.erase(found);
            own->complete(facts, asked.wanted);
            asked.reply(asked.render(facts));
        });
    });
}

http::Response AdminServer::Parts::refusal(Transfer transfer, const admin::TransferAnswer& answer) {
    using metrics::Counter;
    const bool restores_tree = transfer == Transfer::restore;
    const threads::Lock lock(counts_mutex);
    if (answer.status == 429)
        counts.add(restores_tree ? Counter::restore_rate_limited_count
                                 : Counter::snapshot_rate_limited_count);
    if (is_failure(answer.status))
        counts.add(restores_tree ? Counter::restore_error_count : Counter::snapshot_error_count);
    return json(answer);
}

metrics::Metrics AdminServer::counts() const {
    const threads::Lock lock(parts_->counts_mutex);
    return parts_->counts;
}

void AdminServer::reset_counts() {
    const threads::Lock lock(parts_->counts_mutex);
    parts_->counts = {};
}

/// What does not need the server's loop.
void AdminServer::Parts::complete(Facts& facts, const admin::Wanted& wanted) const {
    const ensemble::ServerConfig& config = settings.config;
    if (wanted.process) facts.process = net::process_facts(config.data_dir, config.log_dir());
    if (wanted.environment) facts.environment = net::environment_facts(settings.version);
    if (wanted.properties) facts.properties = properties;
    if (wanted.configuration) facts.configuration = shown_configuration;
    if (wanted.snapshot) facts.snapshot = net::newest_snapshot(config.data_dir);
}

}  // namespace zk::admin_server
