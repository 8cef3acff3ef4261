#include "agent_serve/page_listener.h"

namespace zk::agent_serve {

void PageListener::tend(const agent_api::NodeSpec* spec) {
    const std::uint16_t port = spec != nullptr ? spec->http_port : 0;
    const std::string address = port == 0 ? std::string() : spec->http_address;
    if (port_ != port || address_ != address) {
        http_.reset();
        port_ = port;
        address_ = address;
        failure_.clear();
    }
    if (port == 0 || (http_ && http_->port() != 0)) return;
    if (!http_) {
        http::Settings settings;
        settings.address = address;
        settings.port = port;
        settings.names = {spec->host};
        http_.emplace(loop_.get_executor(), std::move(settings), answer_, log_);
    }
    const auto started = http_->start();
    const std::string failure = started.has_value() ? std::string() : started.error().message();
    if (!failure.empty() && failure != failure_) log_.error("http.not_listening why={}", failure);
    failure_ = failure;
}

void PageListener::publish(std::string_view news) {
    if (http_ && !news.empty()) http_->publish(news);
}

}  // namespace zk::agent_serve
