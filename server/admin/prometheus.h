// The page for Prometheus, as the provider of Apache's servers up to 3.9 writes it: bare names, so that dashboards and
// alerts made for it work. Each counter is there under the name of 3.10's provider ("..._total") as well.
// Pure. Source: ZooKeeper PrometheusMetricsProvider; text format 0.0.4 of Prometheus.
#pragma once

#include <string>
#include <string_view>

#include "admin/facts.h"
#include "ensemble/zoo_cfg.h"

namespace zk::admin {

inline constexpr std::string_view kPrometheusType = "text/plain; version=0.0.4; charset=utf-8";

/// Also while nothing is served.
std::string prometheus_page(const Facts& facts, const ensemble::ServerConfig& config);

}  // namespace zk::admin
