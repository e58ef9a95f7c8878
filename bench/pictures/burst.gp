# CPU of a delivery, for three sizes of audience.
load here."/common.gp"
set title "Burst, 64 in flight: the server's CPU seconds for a million deliveries (less is better)"
set logscale y
set yrange [0.05:*]
set style histogram clustered gap 1
plot data using 2:xtic(1) title "100 subscribers" linecolor rgb "#1f5fa8", \
     "" using 3 title "1,000" linecolor rgb "#6aa5dd", \
     "" using 4 title "10,000" linecolor rgb "#b9d5ef"
