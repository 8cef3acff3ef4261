#include "fake_engine.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace zk::engine {
namespace {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
namespace json = boost::json;
using asio::local::stream_protocol;

constexpr std::uint64_t kBodyBytesMax = 256UL << 20U;  // a test sends its own program

/// What stands behind "name=" in a query; empty: nothing does.
std::string in_query(const std::string& query, const std::string& name) {
    const std::size_t at = ("&" + query).find("&" + name + "=");
    if (at == std::string::npos) return {};
    const std::size_t begin = at + name.size() + 1;
    return query.substr(begin, query.find('&', begin) - begin);
}

std::int64_t to_ns(const std::string& seconds) {
    if (seconds.empty()) return 0;
    const std::size_t dot = seconds.find('.');
    return std::stoll(seconds.substr(0, dot)) * 1'000'000'000 + std::stoll(seconds.substr(dot + 1));
}

std::string time_text(std::int64_t at_ns) {
    const auto seconds = static_cast<std::time_t>(at_ns / 1'000'000'000);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[64];
    const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &parts);
    const std::string part = std::to_string(at_ns % 1'000'000'000);
    return std::string(text, size) + std::string(9 - part.size(), '0') + part + "Z ";
}

/// As Docker does it: of the last messages those that are not older.
std::string log_of(const FakeContainer& container, const std::string& query) {
    const std::string tail = in_query(query, "tail");
    const std::size_t count = container.logged.size();
    const std::size_t wanted = tail == "all" ? count : std::stoul(tail);
    const std::int64_t since_ns = to_ns(in_query(query, "since"));
    std::string text;
    for (std::size_t i = count - std::min(count, wanted); i < count; ++i) {
        const FakeMessage& message = container.logged[i];
        if (message.at_ns < since_ns) continue;
        const std::string piece = time_text(message.at_ns) + message.text;
        text += std::string{message.stream, 0, 0, 0, 0};
        for (const unsigned shift : {16U, 8U, 0U}) text += static_cast<char>(piece.size() >> shift);
        text += piece;
    }
    return text;
}

constexpr std::string_view kNameMark = "@NAME@";

json::object words(const std::string& message) { return {{"message", message}}; }

}  // namespace

struct FakeEngine::Loop {
    asio::io_context io;
    stream_protocol::acceptor acceptor{io};
};

FakeEngine::FakeEngine() : loop_(std::make_unique<Loop>()) {
    char pattern[] = "/tmp/zkprov-engine-XXXXXX";
    directory_ = ::mkdtemp(pattern);
    loop_->acceptor.open(stream_protocol());
    loop_->acceptor.bind(stream_protocol::endpoint(socket()));
    loop_->acceptor.listen();
    thread_ = std::thread([this] { serve(); });
}

FakeEngine::~FakeEngine() {
    // A connection that says nothing is its end.
    boost::system::error_code ignored;
    stream_protocol::socket last(loop_->io);
    last.connect(stream_protocol::endpoint(socket()), ignored);
    last.close(ignored);
    thread_.join();
    std::filesystem::remove_all(directory_);
}

void FakeEngine::serve() {
    for (;;) {
        boost::system::error_code code;
        stream_protocol::socket socket(loop_->io);
        loop_->acceptor.accept(socket, code);
        if (code) return;
        boost::beast::flat_buffer buffer;
        beast_http::request_parser<beast_http::string_body> parser;
        parser.body_limit(kBodyBytesMax);
        beast_http::read(socket, buffer, parser, code);
        if (code == beast_http::error::end_of_stream) return;
        if (code) continue;
        const auto& request = parser.get();
        const auto said = answer(
            std::string(request.method_string()), std::string(request.target()), request.body());
        beast_http::response<beast_http::string_body> response(
            static_cast<beast_http::status>(said.status), 11);
        response.body() = said.body;
        response.keep_alive(false);
        if (said.status != 304 && said.status != 204) response.prepare_payload();
        beast_http::write(socket, response, code);
    }
}

FakeEngine::Answer FakeEngine::answer(const std::string& method,
                                      const std::string& target,
                                      const std::string& body) {
    const std::lock_guard lock(mutex);
    asked.push_back(method + " " + target);
    if (target == "/version") {
        return {200,
                json::serialize(json::object{
                    {"Version", "20.10.24"}, {"ApiVersion", api}, {"MinAPIVersion", api_least}})};
    }
    const std::string front = "/v" + api;
    if (!target.starts_with(front)) return {400, json::serialize(words("another version"))};
    const std::size_t question = target.find('?');
    const std::string query =
        question == std::string::npos ? std::string() : target.substr(question + 1);
    const std::string path = target.substr(front.size(), question - front.size());
    if (path == "/networks") {
        json::array all;
        for (const auto& [name, made_of] : networks) all.push_back(json::parse(made_of));
        return {200, json::serialize(all)};
    }
    if (path == "/networks/create") {
        const auto value = json::parse(body);
        const std::string name = value.at("Name").as_string().c_str();
        if (networks.contains(name)) return {403, json::serialize(words("Pool overlaps"))};
        networks[name] = body;
        return {201, "{}"};
    }
    const std::string network = "/networks/";
    if (path.starts_with(network)) {
        const std::string name = path.substr(network.size());
        if (!networks.contains(name)) return {404, json::serialize(words("network not found"))};
        if (method != "DELETE") return {200, networks[name]};
        if (!network_user.empty()) return {403, json::serialize(words("has active endpoints"))};
        networks.erase(name);
        return {204, ""};
    }
    if (path == "/images/load") {
        if (!load_error.empty()) return {200, json::serialize(json::object{{"error", load_error}})};
        for (const auto& [name, id] : loads) images[name] = id;
        return {200,
                "{\"stream\":\"Loaded image\"}\r\n{\"stream\":\"" + std::to_string(body.size()) +
                    "\"}\n"};
    }
    const std::string image = "/images/";
    if (path.starts_with(image) && path.ends_with("/json")) {
        const std::string name = path.substr(image.size(), path.size() - image.size() - 5);
        if (!images.contains(name)) return {404, json::serialize(words("No such image"))};
        return {200, json::serialize(json::object{{"Id", images[name]}})};
    }
    const std::string container = "/containers/";
    if (path.starts_with(container)) {
        return about_containers(method, path.substr(container.size()), query, body);
    }
    return {404, json::serialize(words("page not found"))};
}

FakeContainer* FakeEngine::find(const std::string& word) {
    for (auto& [name, container] : containers) {
        // An engine takes the beginning of an id as well.
        if (name == word || container.id.starts_with(word)) return &container;
    }
    return nullptr;
}

FakeEngine::Answer FakeEngine::create(const std::string& name, const std::string& body) {
    if (!refuses_create.empty()) return {400, json::serialize(words(refuses_create))};
    if (containers.contains(name)) return {409, json::serialize(words("The name is in use"))};
    const auto value = json::parse(body);
    const std::string image = value.at("Image").as_string().c_str();
    if (!images.contains(image)) return {404, json::serialize(words("No such image"))};
    FakeContainer container;
    container.id = "c" + std::to_string(++next_id_) + "ffff";
    container.image_id = images[image];
    container.body = body;
    containers[name] = container;
    return {201, json::serialize(json::object{{"Id", container.id}})};
}

/// Those that run.
FakeEngine::Answer FakeEngine::list() const {
    json::array all;
    for (const auto& [name, container] : containers) {
        if (container.status != "running") continue;
        json::array mounts;
        for (const std::string& source : container.sources) {
            mounts.push_back(json::object{{"Source", source}, {"RW", true}});
        }
        all.push_back(json::object{{"Id", container.id},
                                   {"Names", json::array{json::string("/" + name)}},
                                   {"Mounts", std::move(mounts)}});
    }
    return {200, json::serialize(all)};
}

FakeEngine::Answer FakeEngine::about_containers(const std::string& method,
                                                std::string path,
                                                const std::string& query,
                                                const std::string& body) {
    const auto named = [&] { return query.substr(query.find('=') + 1); };
    if (path == "create") return create(named(), body);
    if (path == "json") return list();
    const std::size_t slash = path.find('/');
    const std::string word = path.substr(0, slash);
    const std::string verb = slash == std::string::npos ? std::string() : path.substr(slash + 1);
    FakeContainer* const container = find(word);
    if (container == nullptr) return {404, json::serialize(words("No such container: " + word))};
    std::string name;
    for (const auto& [each, other] : containers) {
        if (&other == container) name = each;
    }
    if (method == "DELETE") {
        if (container->status == "running") return {409, json::serialize(words("it runs"))};
        containers.erase(name);
        return {204, ""};
    }
    if (verb == "start") {
        const bool runs = container->status == "running";
        container->status = ends_at_once && !container->body.empty() ? "exited" : "running";
        return {runs ? 304U : 204U, ""};
    }
    if (verb == "stop") {
        container->status = "exited";
        return {204, ""};
    }
    if (verb == "rename") {
        if (containers.contains(named()))
            return {409, json::serialize(words("The name is in use"))};
        containers[named()] = *container;
        containers.erase(name);
        return {204, ""};
    }
    if (verb == "update") {
        container->updated = body;
        return {200, "{}"};
    }
    if (verb == "logs" && !log_error.empty()) return {501, json::serialize(words(log_error))};
    if (verb == "logs" && !in_query(query, "timestamps").empty()) {
        return {200, log_of(*container, query)};
    }
    if (verb == "logs") return {200, std::string("\1\0\0\0\0\0\0\6words\n", 14)};
    if (verb != "json") return {404, json::serialize(words("page not found"))};
    if (!container->inspected.empty()) {
        std::string inspected = container->inspected;
        const std::size_t at = inspected.find(kNameMark);
        if (at != std::string::npos) inspected.replace(at, kNameMark.size(), name);
        return {200, inspected};
    }
    const auto made_of = json::parse(container->body.empty() ? "{}" : container->body).as_object();
    const auto of = [&](const char* key, json::value otherwise) {
        const auto* const value = made_of.if_contains(key);
        return value == nullptr ? otherwise : *value;
    };
    json::object state{{"Status", container->status},
                       {"Pid", container->status == "running" ? 4711 : 0},
                       {"ExitCode", container->exit_code},
                       {"OOMKilled", false}};
    json::object told{{"Id", container->id},
                      {"Name", "/" + name},
                      {"Image", container->image_id},
                      {"RestartCount", 0},
                      {"State", std::move(state)}};
    told["Config"] =
        json::object{{"Labels", of("Labels", json::object())}, {"Image", of("Image", "other:1")}};
    told["HostConfig"] = of("HostConfig", json::object());
    return {200, json::serialize(told)};
}

}  // namespace zk::engine
