#include "admin_server/admin_server.h"

#include <map>
#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "admin/prometheus.h"
#include "ensemble/config_keys.h"
#include "ensemble/properties.h"
#include "http/http_listener.h"
#include "net/process_facts.h"

namespace zk::admin_server {
namespace {

namespace asio = boost::asio;
using admin::AdminQuestion;
using admin::AdminTarget;
using admin::Facts;

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
    void answer_metrics(const http::Request& request, http::Reply reply);
    /// `render` makes the answer of the facts.
    void inquire(const AdminQuestion& question,
                 http::Reply reply,
                 std::function<http::Response(const Facts&)> render);
    void complete(Facts& facts, const admin::Wanted& wanted) const;

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
        commands.emplace(
            io.get_executor(),
            listener_settings(config.admin_address, config.admin_port, config.admin_idle_timeout),
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

void AdminServer::Parts::inquire(const AdminQuestion& question,
                                 http::Reply reply,
                                 std::function<http::Response(const Facts&)> render) {
    if (waiting.size() >= kQuestionsMax)
        return reply(plain(503, "as many questions as there may be are under way"));
    const std::uint64_t number = next_question++;
    waiting.emplace(number, Waiting{std::move(reply), std::move(render), question.wanted});
    // Answers come from the server's thread, maybe when all this is over.
    ask(question, [weak = weak_from_this(), number](Facts facts) {
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
